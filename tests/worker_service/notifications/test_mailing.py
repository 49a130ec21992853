"""What users are owed by e-mail reaches them: in few e-mails, once each, however often it must be tried."""

import threading
from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import func, update
from sqlmodel import col

from shared.database.engine import transaction
from shared.messaging.due_work import WakeUps
from shared.messaging.messages import Queue
from shared.messaging.messenger import Messenger
from shared.models import Mail, Notification, User
from shared.notifications.mails import MOST_IN_ONE, MOST_TRIES, due_mail, take
from shared.notifications.outbox import PACE, SETTLES
from tests.jobs import ANOTHER_USER, USER, answering, submitted
from tests.mail_server import MailServer
from tests.notifications import (
    ADDRESS,
    completed,
    completed_next,
    failed,
    let_pass,
    listens_by_mail,
    mails,
    settings_of,
    told,
)
from worker_service.delivering.threads import DeliveryThread
from worker_service.notifications.sender import Mailing
from worker_service.scheduler.news import remove_old_news, tell_of_batches


def texts(mail: MailServer) -> list[str]:
    bodies = (message.get_body(("plain",)) for message in mail.received)
    return [body.get_content() for body in bodies if body]


def test_an_end_is_mailed_to_the_verified_address(messenger: Messenger, mailing: Mailing, mail: MailServer) -> None:
    listens_by_mail(messenger)
    job_id = completed(messenger)
    assert mailing.deliver_all() == 0, "others may end with it"
    let_pass(messenger, SETTLES)
    assert mailing.deliver_all() == 2, "one e-mail was made, and sent"
    (message,) = mail.received
    (kept,) = mails(messenger)
    assert mail.envelopes[0].rcpt_tos == [message["To"]] == [ADDRESS]
    assert message["From"] == "Pictures <pictures@example.com>"
    assert message["Subject"] == f"Genonaut: Job {job_id} is completed, with 1 output"
    assert message["Message-ID"] == f"<{kept.id.hex}@example.com>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    link = message["List-Unsubscribe"].strip("<>")
    assert link.startswith("https://pictures.example.com/api/v1/notifications/email/unsubscribe?proof=")
    assert "Hello somebody," in texts(mail)[0]
    assert link in texts(mail)[0]
    page = message.get_body(("html",))
    assert page is not None
    assert f"<li>Job {job_id} is completed, with 1 output</li>" in page.get_content()
    assert (kept.state, kept.tries, kept.data) == ("sent", 1, {})
    assert mailing.deliver_all() == 0


def test_what_ends_together_is_one_mail_and_the_next_comes_after_a_pause(
    messenger: Messenger, mailing: Mailing, mail: MailServer
) -> None:
    listens_by_mail(messenger)
    for _ in range(3):
        completed(messenger)
    failed(messenger)
    let_pass(messenger, SETTLES)
    mailing.deliver_all()
    completed(messenger)
    let_pass(messenger, SETTLES)
    assert mailing.deliver_all() == 0
    assert [message["Subject"] for message in mail.received] == ["Genonaut: 3 jobs completed, 1 job failed"]
    let_pass(messenger, PACE)
    mailing.deliver_all()
    assert len(mail.received) == 2
    assert texts(mail)[0].count("\n- Job ") == 4


@pytest.mark.broad
def test_a_hundred_jobs_of_a_batch_are_one_line(messenger: Messenger, mailing: Mailing, mail: MailServer) -> None:
    listens_by_mail(messenger)
    answering(messenger)
    batch_id = uuid4()
    for _ in range(100):
        submitted(messenger, batch_id=batch_id)
    for _ in range(100):
        completed_next(messenger)
    let_pass(messenger, PACE)
    assert mailing.deliver_all() == 0
    tell_of_batches(messenger)
    let_pass(messenger, PACE)
    mailing.deliver_all()
    assert [message["Subject"] for message in mail.received] == [
        "Genonaut: A batch of 100 jobs has ended: 100 completed"
    ]


def test_what_is_too_much_for_one_mail_is_counted_and_goes_on_in_the_next(
    messenger: Messenger, mailing: Mailing, mail: MailServer
) -> None:
    listens_by_mail(messenger)
    completed(messenger)
    with messenger.transaction() as session:
        values = told(messenger)[0].model_dump(exclude={"id"})
        session.add_all(Notification(**values) for _ in range(MOST_IN_ONE))
    let_pass(messenger, SETTLES)
    mailing.deliver_all()
    assert "- and 950 more" in texts(mail)[0]
    let_pass(messenger, PACE)
    mailing.deliver_all()
    assert len(mail.received) == 2
    assert settings_of(messenger).mail_due_at is None


def test_what_somebody_says_breaks_neither_headers_nor_html(
    messenger: Messenger, mailing: Mailing, mail: MailServer
) -> None:
    listens_by_mail(messenger)
    with messenger.transaction() as session:
        name = "<b>Eve</b>\r\nBcc: all@example.com"
        session.exec(update(User).where(col(User.id) == USER).values(name=name))
    failed(messenger, "<script>\r\nBcc: everybody@example.com\r\n\r\n$user {lines} \u2028 \u202e \x00 end")
    let_pass(messenger, SETTLES)
    mailing.deliver_all()
    (message,) = mail.received
    assert mail.envelopes[0].rcpt_tos == [ADDRESS]
    assert message["Bcc"] is None
    assert "\u202e" not in message["Subject"]
    page = message.get_body(("html",))
    assert page is not None
    content = page.get_content()
    assert "&lt;script&gt; Bcc: everybody@example.com $user {lines}" in content
    assert "<script" not in content
    assert "&lt;b&gt;Eve&lt;/b&gt; Bcc: all@example.com" in content


def test_a_refusal_that_may_pass_is_tried_again_with_the_same_id(
    messenger: Messenger, mailing: Mailing, mail: MailServer
) -> None:
    listens_by_mail(messenger)
    completed(messenger)
    let_pass(messenger, SETTLES)
    mail.to_recipients.append("451 try later")
    mail.to_mails.append("452 disk full")
    for error in ("451 try later", "452 disk full"):
        mailing.deliver_all()
        (kept,) = mails(messenger)
        assert (kept.state, kept.last_error) == ("pending", error)
        assert mailing.deliver_all() == 0
        let_pass(messenger, timedelta(minutes=10))
    mailing.deliver_all()
    (message,) = mail.received
    assert message["Message-ID"] == f"<{kept.id.hex}@example.com>"
    assert mails(messenger)[0].tries == 3


@pytest.mark.parametrize("where", ["to_recipients", "to_mails"])
def test_a_refusal_for_good_is_the_last_try(
    messenger: Messenger, mailing: Mailing, mail: MailServer, where: str
) -> None:
    listens_by_mail(messenger)
    completed(messenger)
    let_pass(messenger, SETTLES)
    getattr(mail, where).append("550 nobody of this name")
    mailing.deliver_all()
    (kept,) = mails(messenger)
    assert (kept.state, kept.last_error, kept.data) == ("failed", "550 nobody of this name", {})


def test_a_server_that_is_away_is_tried_ten_times_with_growing_pauses(
    messenger: Messenger, mailing_to: Callable[[int], Mailing]
) -> None:
    listens_by_mail(messenger)
    completed(messenger)
    let_pass(messenger, SETTLES)
    mailing, pauses = mailing_to(9), []
    for _ in range(MOST_TRIES):
        mailing.deliver_all()
        (kept,) = mails(messenger)
        assert kept.last_tried_at is not None
        pauses.append(kept.due_at - kept.last_tried_at)
        let_pass(messenger, timedelta(days=1))
    assert (kept.state, kept.tries) == ("failed", MOST_TRIES)
    assert pauses[:-1] == sorted(pauses[:-1])
    assert "ConnectionRefusedError" in (kept.last_error or "")
    assert mailing.deliver_all() == 0


def test_a_mail_whose_worker_died_is_tried_again_and_one_that_came_late_changes_nothing(
    messenger: Messenger, mailing: Mailing, mail: MailServer
) -> None:
    listens_by_mail(messenger)
    completed(messenger)
    let_pass(messenger, SETTLES)
    mail.to_mails.append("451 not now")
    mailing.deliver_all()
    let_pass(messenger, timedelta(minutes=10))
    with transaction(messenger.engine) as session:
        assert take(session)
    assert mailing.deliver_all() == 0, "another worker is at it"
    let_pass(messenger, timedelta(minutes=5))
    mailing.deliver_all()
    assert len(mail.received) == 1
    assert mails(messenger)[0].tries == 3


def test_who_wants_no_mail_of_this_is_mailed_nothing(messenger: Messenger, mailing: Mailing, mail: MailServer) -> None:
    listens_by_mail(messenger, email=["job_failed"])
    listens_by_mail(messenger, ANOTHER_USER, address="eve@example.com")
    completed(messenger)
    let_pass(messenger, PACE)
    assert mailing.deliver_all() == 0
    assert told(messenger) == []


def test_a_wake_up_is_owed_for_each_mail_that_is_due(messenger: Messenger) -> None:
    wake_ups = WakeUps(messenger, due_mail())
    listens_by_mail(messenger)
    completed(messenger)
    assert wake_ups.send_missing() == 0
    let_pass(messenger, SETTLES)
    assert wake_ups.send_missing() == 1
    assert wake_ups.send_missing() == 0
    assert messenger.waiting_messages(Queue.MAIL) == 1


def test_a_woken_thread_sends(messenger: Messenger, mailing: Mailing, mail: MailServer) -> None:
    listens_by_mail(messenger)
    thread = DeliveryThread(mailing, 0)
    thread.start()
    completed(messenger)
    let_pass(messenger, SETTLES)
    mailing.wake()
    while not mail.envelopes:
        threading.Event().wait(0.01)
    mailing.closing.set()
    mailing.wake()
    thread.join(10)
    assert not thread.is_alive()


def test_what_was_told_is_kept_for_a_month(messenger: Messenger, mailing: Mailing) -> None:
    listens_by_mail(messenger)
    completed(messenger)
    completed(messenger)
    let_pass(messenger, SETTLES)
    mailing.deliver_all()
    with messenger.transaction() as session:
        month = func.now() - timedelta(days=31)
        session.exec(update(Mail).values(created_at=month))
        first = col(Notification.job_id) == 1
        session.exec(update(Notification).where(first).values(created_at=month))
    assert remove_old_news(messenger.engine) == 2
    assert [one.job_id for one in told(messenger)] == [2]

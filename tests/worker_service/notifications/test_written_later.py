"""An e-mail that was sent while the database is away is written down once it is back, and not sent again."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine
from structlog.testing import capture_logs

from shared.messaging.messenger import Messenger
from shared.models import MailState
from shared.notifications.outbox import SETTLES
from tests.mail_server import MailServer
from tests.notifications import completed, let_pass, listens_by_mail, mails
from tests.refusing import refusing
from tests.worker_service.waiting import until
from worker_service.notifications.sender import Mailing


@pytest.mark.parametrize("state", ["57P01", "42501"])
def test_what_was_sent_meanwhile_is_sent_once(
    messenger: Messenger, engine: Engine, mailing: Mailing, mail: MailServer, state: str
) -> None:
    listens_by_mail(messenger)
    completed(messenger)
    let_pass(messenger, SETTLES)
    assert mailing.deliver_one(), "it is made"
    mail.goes_on.clear()
    with ThreadPoolExecutor(1) as threads:
        sending = threads.submit(mailing.deliver_one)
        assert mail.is_handed.wait(20)
        with capture_logs() as logs, refusing(engine, "mails", state=state):
            mail.goes_on.set()
            until(lambda: [line for line in logs if line["event"] == "database.unavailable"])
        assert sending.result(20)
    assert mailing.deliver_all() == 0
    assert len(mail.envelopes) == 1
    assert [one.state for one in mails(messenger)] == [MailState.SENT]

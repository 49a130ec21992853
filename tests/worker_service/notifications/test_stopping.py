"""An e-mail that is under way when the worker stops is sent once, and not again by the next worker."""

import threading

from shared.messaging.messenger import Messenger
from shared.notifications.outbox import SETTLES
from tests.mail_server import MailServer
from tests.notifications import completed, let_pass, listens_by_mail, mails
from worker_service.delivering.threads import DeliveryThread
from worker_service.notifications.sender import Mailing


def test_what_is_under_way_when_the_worker_stops_is_written_down(
    messenger: Messenger, mailing: Mailing, mail: MailServer
) -> None:
    listens_by_mail(messenger)
    completed(messenger)
    let_pass(messenger, SETTLES)
    mail.goes_on.clear()
    thread = DeliveryThread(mailing, 0)
    thread.start()
    assert mail.is_handed.wait(60)
    mailing.closing.set()
    stopping = threading.Thread(target=mailing.stop, args=(60,))
    stopping.start()
    mail.goes_on.set()
    stopping.join(60)
    (kept,) = mails(messenger)
    assert (kept.state, kept.tries, len(mail.received)) == ("sent", 1, 1)
    mailing.wake()
    thread.join(60)
    assert not thread.is_alive()

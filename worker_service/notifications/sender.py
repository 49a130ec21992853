"""Threads that send e-mail, beside the jobs: a slow mail server delays e-mail, and nothing else."""

import threading

import structlog
from sqlalchemy import Engine

from shared.database.engine import transaction
from shared.models import MailState
from shared.notifications.mails import TakenMail, Tried, make_one, take, write
from worker_service.delivering.threads import Deliverer
from worker_service.notifications.message import Letterhead, message_of
from worker_service.notifications.post_office import PostOffice

log = structlog.get_logger(__name__)

THREADS = 2


class Mailing(Deliverer):
    """What the threads of one process share that send e-mail."""

    def __init__(self, engine: Engine, office: PostOffice, letterhead: Letterhead, closing: threading.Event) -> None:
        super().__init__("mail", engine, closing, THREADS)
        self.office = office
        self.letterhead = letterhead

    def deliver_one(self) -> bool:
        """Make an e-mail that is due, or try one. Whether there was one. No transaction is open while the server is
        waited for."""
        with transaction(self.engine) as session:
            if make_one(session):
                return True
            taken = take(session)
        if taken is None:
            return False
        made = self.tried(taken)
        state = self.written(lambda session: write(session, taken, made))
        tell(taken, made, state)
        return True

    def tried(self, taken: TakenMail) -> Tried:
        try:
            message = message_of(taken, self.letterhead)
        except Exception as error:  # what one row holds must not be tried for ever
            log.exception("mail.not_written", mail_id=str(taken.id))
            return Tried(f"it could not be written: {type(error).__name__}")
        return self.office.post(message)


def tell(taken: TakenMail, made: Tried, state: MailState | None) -> None:
    """Whom it was for is not logged."""
    facts = {"mail_id": str(taken.id), "user_id": str(taken.user_id), "template": taken.template, "tries": taken.tries}
    if made.error is None:
        log.info("mail.sent", **facts)
    else:
        log.warning("mail.not_sent", **facts, error=made.error, becomes=state)

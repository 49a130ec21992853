"""A row that is due is owed a message that wakes a worker for it: the row is the queue, and Redis only carries.

Messages are counted, not tracked: as many are sent as there are rows that could be worked on now, less the messages on
their way. One too many is a look that finds nothing.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from shared.database.engine import reading
from shared.messaging.messages import Message, Queue
from shared.messaging.messenger import Messenger

log = structlog.get_logger(__name__)

AT_ONCE = 500  # a backlog is worked off in portions of this size


@dataclass(frozen=True)
class DueWork:
    """Rows of one kind that workers are woken for, through a queue of their own.

    `message` wakes a worker for the row of this id. `due` gives the ids of at most `limit` rows that could be worked on
    now, the first to go first. `prepare` makes at most `limit` rows what the passing of time makes of them. `may_be` is
    a quick look that is right where it finds nothing.
    """

    queue: Queue
    message: Callable[[int], Message]
    due: Callable[[Session, int], Sequence[int]]
    prepare: Callable[[Session, int], None] = lambda _session, _limit: None
    may_be: Callable[[Session], bool] = lambda _session: True


class WakeUps:
    """Sends missing wake-ups. Safe to call from anywhere at any time."""

    def __init__(self, messenger: Messenger, work: DueWork) -> None:
        self.messenger = messenger
        self.work = work

    def send_missing(self) -> int:
        """Prepare what is due and send the wake-ups it lacks. Returns how many were sent, none while Redis is away.

        Raises SQLAlchemyError while the database is away.
        """
        on_their_way = self.messenger.waiting_messages(self.work.queue)
        with self.messenger.transaction() as session:
            self.work.prepare(session, AT_ONCE)
        if on_their_way is None:
            return 0
        with reading(self.messenger.engine) as session:
            due = self.work.due(session, AT_ONCE)
        sent = sum(self.messenger.send(self.work.message(row_id)) for row_id in due[on_their_way:])
        if sent:
            log.info("wakeups.sent", queue=self.work.queue, count=sent, due=len(due), on_their_way=on_their_way)
        return sent

    def send_one(self, row_id: int) -> None:
        """A slot is free again: have somebody look for a row that waits for it, unless none does, or a message waits
        that has somebody look."""
        if self.messenger.waiting_messages(self.work.queue) == 0 and self.may_be_due():
            self.messenger.send(self.work.message(row_id))

    def may_be_due(self) -> bool:
        try:
            with reading(self.messenger.engine) as session:
                return self.work.may_be(session)
        except SQLAlchemyError:
            return True  # one look too many does no harm

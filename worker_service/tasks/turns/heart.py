"""A task that is worked on stays with its worker: its lease is renewed beside the work, which hears what was asked."""

import threading
import time
from contextlib import suppress
from types import TracebackType
from typing import Self

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from shared.database.engine import transaction
from shared.tasks import life
from shared.tasks.life import TaskLease, TaskLost

log = structlog.get_logger(__name__)

BEATS = 6  # in the time that a lease lasts, so that five may fail
FRESH = 2 / 3  # of a lease: what is older must not be written under


class Heart:
    """Beats within the block. `is_cancelled` and `is_lost` say what the row said at the last beat."""

    def __init__(self, engine: Engine, lease: TaskLease, *, is_cancelled: bool) -> None:
        self.engine = engine
        self.lease = lease
        self.is_cancelled = is_cancelled
        self.has_lost = False
        self.renewed_at = time.monotonic()
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.run, name="task-heart", daemon=True)

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stopping.set()

    def run(self) -> None:
        while not self.has_lost and not self.stopping.wait(self.lease.duration.total_seconds() / BEATS):
            try:
                with suppress(SQLAlchemyError):
                    self.beat()
            except Exception:  # the next beat may do
                log.exception("task.not_renewed")

    def beat(self) -> None:
        asked_at = time.monotonic()
        try:
            with transaction(self.engine) as session:
                self.is_cancelled = life.renew(session, self.lease)
        except TaskLost:
            self.has_lost = not self.stopping.is_set()
        else:
            self.renewed_at = asked_at

    @property
    def is_lost(self) -> bool:
        """Whether the task may be another worker's by now: this process may have been stopped meanwhile."""
        return self.has_lost or time.monotonic() - self.renewed_at > self.lease.duration.total_seconds() * FRESH

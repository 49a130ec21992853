"""Threads that deliver what is due, beside the jobs: no job waits for a slow receiver, nor a receiver for a job."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import TypeVar

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from shared.database.engine import patiently, transaction
from shared.texts.reasons import driver_reason

log = structlog.get_logger(__name__)

T = TypeVar("T")

LOOKED_EVERY_S = 5.0  # also where no wake-up came: all threads of the actors may be busy with jobs
AGAIN_AFTER_S = 1.0  # once the database was away
WRITTEN_WITHIN = timedelta(seconds=30)  # with the try itself it takes less than others leave it to this process
ENDS_WITHIN_S = 3.0  # what is under way when the worker stops


class Deliverer(ABC):
    """What the threads of one process share that deliver one kind of thing, `what`. `wake` has one of them look."""

    def __init__(self, what: str, engine: Engine, closing: threading.Event, threads: int) -> None:
        self.what = what
        self.engine = engine
        self.threads = threads
        self.closing = closing
        self.at_work = 0  # threads
        self.changed = threading.Condition()
        self.woken = threading.BoundedSemaphore(threads)
        for _ in range(threads):
            self.woken.acquire()

    def wake(self) -> None:
        with suppress(ValueError):  # all threads have been told to look already
            self.woken.release()

    def new_threads(self) -> Sequence[threading.Thread]:
        """What delivers in this process once it is started."""
        return [DeliveryThread(self, number) for number in range(self.threads)]

    def deliver_all(self, goes_on: Callable[[], bool] = lambda: True) -> int:
        """Deliver what is due until nothing is, or while `goes_on`. Returns how many were tried. Raises
        SQLAlchemyError."""
        tried = 0
        with self.counted():
            while not self.closing.is_set() and goes_on() and self.deliver_one():
                tried += 1
        return tried

    def try_all(self, goes_on: Callable[[], bool] = lambda: True) -> None:
        """Do so, and wait a moment after what went wrong, which the log tells."""
        try:
            self.deliver_all(goes_on)
        except SQLAlchemyError as error:
            log.warning("deliveries.database_unavailable", of=self.what, error=driver_reason(error))
            self.closing.wait(AGAIN_AFTER_S)
        except Exception:  # whatever one delivery holds, the others go on
            log.exception("deliveries.failed", of=self.what)
            self.closing.wait(AGAIN_AFTER_S)

    def written(self, write: Callable[[Session], T]) -> T:
        """Write down what became of a try, in one transaction, also if the database is away for a while: what is not
        written is delivered once more. Raises SQLAlchemyError."""

        def work() -> T:
            with transaction(self.engine) as session:
                return write(session)

        return patiently(work, patience=WRITTEN_WITHIN)

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Count a thread that is at work, for `stop`."""
        with self.changed:
            self.at_work += 1
        try:
            yield
        finally:
            with self.changed:
                self.at_work -= 1
                self.changed.notify_all()

    def stop(self, within_s: float = ENDS_WITHIN_S) -> None:
        """Let what is under way end, once `closing` is set; for so long."""
        with self.changed:
            self.changed.wait_for(lambda: not self.at_work, within_s)

    @abstractmethod
    def deliver_one(self) -> bool:
        """Try one thing that is due. Whether there was one."""


class DeliveryThread(threading.Thread):
    """One of the threads: it looks when it is woken, and every few seconds."""

    def __init__(self, deliverer: Deliverer, number: int) -> None:
        super().__init__(name=f"{deliverer.what}-{number}", daemon=True)
        self.deliverer = deliverer
        self.number = number

    def run(self) -> None:
        deliverer = self.deliverer
        # Not all at the same instant.
        deliverer.woken.acquire(timeout=self.number * LOOKED_EVERY_S / deliverer.threads)
        while not deliverer.closing.is_set():
            deliverer.try_all()
            deliverer.woken.acquire(timeout=LOOKED_EVERY_S)

"""Something of the fleet's that is read again every 5 s: by one thread, while the others go on with what is known."""

import threading
import time
from abc import ABC, abstractmethod
from typing import Generic, TypeVar

T = TypeVar("T")

READ_EVERY_S = 5.0


class ReadAgain(ABC, Generic[T]):
    """Keeps what was read. Safe to use from several threads."""

    def __init__(self, known: T) -> None:
        self.known = known
        self.read_at: float | None = None
        self.lock = threading.Lock()

    @abstractmethod
    def read(self) -> T:
        """What there is now. Blocks. What it raises, whoever asked gets, and the next one asks again."""

    def current(self) -> T:
        """What is known, at most 5 s old, or older while it is being read. Blocks."""
        # The first one waits for the thread that reads already: nothing is known yet.
        if not self.is_fresh and self.lock.acquire(blocking=self.read_at is None):
            try:
                if not self.is_fresh:  # another thread may have read while this one waited
                    self.known = self.read()
                    self.read_at = time.monotonic()
            finally:
                self.lock.release()
        return self.known

    @property
    def is_fresh(self) -> bool:
        return self.read_at is not None and time.monotonic() - self.read_at < READ_EVERY_S

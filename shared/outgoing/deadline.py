"""One bound for everything that an exchange waits for, however often it waits; it can also be given up from outside."""

import threading
import time
from datetime import timedelta

from shared.outgoing.failures import NoAnswer

LOOKED_UP_S = 0.5  # how often whoever waits sees whether it was given up


class Deadline:
    """A moment after which nothing is waited for any more."""

    def __init__(self, within: timedelta) -> None:
        self.within = within
        self.ends = time.monotonic() + within.total_seconds()
        self.is_given_up = threading.Event()

    def give_up(self) -> None:
        """Whoever waits stops within half a second. From any thread."""
        self.is_given_up.set()

    def left_s(self) -> float:
        """How long may still be waited. Raises NoAnswer once that is over."""
        left_s = self.ends - time.monotonic()
        if left_s <= 0:
            raise NoAnswer(f"did not answer in full within {self.within.total_seconds():g} s")
        if self.is_given_up.is_set():
            raise NoAnswer("was given up")
        return left_s

    def next_wait_s(self) -> float:
        """How long to wait before looking up again. Raises NoAnswer."""
        return min(self.left_s(), LOOKED_UP_S)

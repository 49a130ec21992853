"""The time that a job spends in a server's queue does not count as running: its time limits are put off by it."""

import threading
from collections.abc import Callable


class QueueTime:
    """Whoever holds the jobs of threads to a time limit hears how long one of them has only waited."""

    def __init__(self) -> None:
        self.limits: list[Callable[[int, float], None]] = []

    def add(self, seconds: float) -> None:
        """Called in the thread of the job that has waited."""
        for put_off in self.limits:
            put_off(threading.get_ident(), seconds)

"""One bound for all that a request waits for, from its first byte to the last one of its answer.

A timeout of a socket begins anew with each byte: a server that sends one every few seconds would hold its caller for
ever, in the headers of an answer as much as in its body.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from worker_service.comfyui.http.failures import RequestFailed


class Deadline(threading.local):
    """When the request that this thread makes must have ended, and how long that was when it was set."""

    ends_at: float | None = None
    within_s: float = 0.0

    @contextmanager
    def of(self, within_s: float) -> Iterator[None]:
        self.extend(within_s)
        try:
            yield
        finally:
            self.ends_at = None

    def extend(self, within_s: float) -> None:
        """The request has this long from now."""
        self.ends_at, self.within_s = time.monotonic() + within_s, within_s

    def shorten(self, timeout_s: float) -> float:
        """The timeout of the next wait. Raises RequestFailed where there is no time left."""
        if self.ends_at is None:
            return timeout_s
        left_s = self.ends_at - time.monotonic()
        if left_s <= 0:
            raise RequestFailed(f"it takes longer than {self.within_s:g} s")
        return min(timeout_s, left_s)

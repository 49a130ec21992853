"""A worker that was told to stop is gone within ten seconds, whatever it waits for.

Jobs are given back in one or two seconds. But a database or a Redis that hangs can hold a thread for minutes, and no
thread can be taken out of such a call. Then the process goes: what it still holds is left to its lease.
"""

import os
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import structlog
from dramatiq import Broker, Middleware, Worker

log = structlog.get_logger(__name__)

WITHIN_S = 7.0  # Dramatiq takes up to a second to notice that it shall stop, and another to be gone


class PromptExit(Middleware):
    """For a process of its own only: it ends it through `end`."""

    def __init__(self, within_s: float = WITHIN_S, *, end: Callable[[int], Any] = os._exit) -> None:
        self.within_s = within_s
        self.end = end

    def before_worker_shutdown(self, _broker: Broker, _worker: Worker) -> None:
        threading.Thread(target=self.watch, name="prompt-exit", daemon=True).start()

    def watch(self) -> None:
        time.sleep(self.within_s)
        log.warning("worker.stopped_in_the_middle", after_s=self.within_s)
        sys.stdout.flush()
        sys.stderr.flush()
        self.end(0)

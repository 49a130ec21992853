"""A worker whose main process was killed ends too, and leaves its jobs to other workers."""

import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

from dramatiq import Broker, Middleware

ORPHAN_STATUS = 69  # EX_UNAVAILABLE of sysexits.h
LOOK_EVERY_S = 1.0
END_WITHIN_S = 10.0


class EndWithParent(Middleware):
    """Dramatiq's main process reads what its workers log, starts them again and passes signals on.

    Killed, it can do none of that. Its workers hold both ends of the pipe that they log to, so each line beyond the
    64 kB that fit would wait for ever, with a job's lease in its hands. Such a worker asks itself to stop, and ends
    after `within_s` all the same. It logs nothing: that is what may wait.
    """

    def __init__(
        self,
        within_s: float = END_WITHIN_S,
        *,
        look_every_s: float = LOOK_EVERY_S,
        end: Callable[[int], Any] = os._exit,
    ) -> None:
        self.within_s = within_s
        self.look_every_s = look_every_s
        self.end = end

    def after_process_boot(self, _broker: Broker) -> None:
        threading.Thread(target=self.watch, args=[os.getppid()], name="end-with-parent", daemon=True).start()

    def watch(self, parent: int) -> None:
        while os.getppid() == parent:
            time.sleep(self.look_every_s)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(self.within_s)
        self.end(ORPHAN_STATUS)

"""After so many messages the worker starts afresh, so that what its libraries leak never adds up."""

import os
import signal
import threading
from collections.abc import Callable
from typing import Any

import structlog
from dramatiq import Broker, MessageProxy, Middleware

log = structlog.get_logger(__name__)


def reload_dramatiq() -> None:
    """Dramatiq's own reload: its main process stops its children gracefully, then executes itself again."""
    os.kill(os.getppid(), signal.SIGHUP)


class Recycling(Middleware):
    """Counts the messages of this process and asks for a fresh one, once. Running jobs are given back and adopted."""

    def __init__(self, messages: int, *, start_afresh: Callable[[], None] = reload_dramatiq) -> None:
        self.left = messages
        self.start_afresh = start_afresh
        self.lock = threading.Lock()

    def after_process_message(
        self, _broker: Broker, _message: MessageProxy, *, result: Any = None, exception: BaseException | None = None
    ) -> None:
        with self.lock:
            self.left -= 1
            enough = self.left == 0
        if enough:
            log.info("worker.recycled")
            self.start_afresh()

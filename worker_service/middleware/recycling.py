"""After so many messages the worker starts afresh, so that what its libraries leak never adds up."""

import os
import signal
import threading
from collections.abc import Callable
from typing import Any

import structlog
from dramatiq import Broker, MessageProxy, Middleware

log = structlog.get_logger(__name__)

PUT_OFF = 10  # a worker that is never idle starts afresh after so many times as many messages
IDLE_S = 5.0  # so long without a message is a pause, and not the instant between two jobs


def reload_dramatiq() -> None:
    """Dramatiq's own reload: its main process stops its children gracefully, then executes itself again."""
    os.kill(os.getppid(), signal.SIGHUP)


class Recycling(Middleware):
    """Counts the messages of this process and asks for a fresh one, once.

    It costs two seconds in which this worker takes no job, so it is put off until the worker is idle, within limits.
    Jobs that run even so are given back and adopted.
    """

    def __init__(
        self, messages: int, *, idle_s: float = IDLE_S, start_afresh: Callable[[], None] = reload_dramatiq
    ) -> None:
        self.messages = messages
        self.idle_s = idle_s
        self.start_afresh = start_afresh
        self.lock = threading.Lock()
        self.begun = 0
        self.done = 0
        self.has_asked = False

    def before_process_message(self, _broker: Broker, _message: MessageProxy) -> None:
        with self.lock:
            self.begun += 1

    def after_process_message(
        self, _broker: Broker, _message: MessageProxy, *, result: Any = None, exception: BaseException | None = None
    ) -> None:
        with self.lock:
            self.done += 1
            if self.done >= PUT_OFF * self.messages:
                self.ask()
            elif self.done >= self.messages and self.done == self.begun:
                timer = threading.Timer(self.idle_s, self.ask_if_idle, [self.begun])
                timer.daemon = True
                timer.start()

    def ask_if_idle(self, begun: int) -> None:
        """Ask, if no message has come since then."""
        with self.lock:
            if self.begun == begun:
                self.ask()

    def ask(self) -> None:
        if not self.has_asked:
            self.has_asked = True
            log.info("worker.recycled", messages=self.done)
            self.start_afresh()

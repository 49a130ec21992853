"""A worker starts afresh after many messages, so that what libraries leak never adds up."""

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import structlog
from dramatiq import Broker, MessageProxy, Middleware

log = structlog.get_logger(__name__)

# A worker that is never idle restarts after so many times its number of messages if it has grown, and after so many
# times if it has not.
PUT_OFF, PUT_OFF_AT_MOST = 10, 100
GROWN = 1.5  # times the memory that it had after its number of messages
IDLE_S = 5.0  # a time without a message that is a pause, and not the instant between two jobs
STATM = Path("/proc/self/statm")  # pages: all that is mapped, what is resident, ...


def resident_bytes() -> int | None:
    """How much memory this process has; None where the system does not say."""
    try:
        return int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, LookupError, ValueError):
        return None


def reload_dramatiq() -> None:
    """Dramatiq's own reload: its main process stops its children gracefully, then executes itself again."""
    os.kill(os.getppid(), signal.SIGHUP)


class Recycling(Middleware):
    """Asks for a fresh process after a number of messages for one actor, once. Those of other actors only wake
    something up.

    A restart costs two seconds in which this worker takes no job, so it is put off until the worker is idle; and where
    it never is, until it takes half as much memory again as after its first messages, within limits. Jobs that run even
    so are released and adopted.
    """

    def __init__(
        self,
        actor: str,
        messages: int,
        *,
        idle_s: float = IDLE_S,
        memory: Callable[[], int | None] = resident_bytes,
        restart: Callable[[], None] = reload_dramatiq,
    ) -> None:
        self.actor = actor
        self.messages = messages
        self.idle_s = idle_s
        self.memory = memory
        self.restart = restart
        self.lock = threading.Lock()
        self.begun = 0
        self.done = 0
        self.bytes_at_first: int | None = None
        self.has_asked = False

    def before_process_message(self, _broker: Broker, message: MessageProxy) -> None:
        if message.actor_name == self.actor:
            with self.lock:
                self.begun += 1

    def after_process_message(
        self, _broker: Broker, message: MessageProxy, *, result: Any = None, exception: BaseException | None = None
    ) -> None:
        if message.actor_name != self.actor:
            return
        with self.lock:
            self.done += 1
            if self.done == self.messages:
                self.bytes_at_first = self.memory()
            if self.is_overdue():
                self.ask()
            elif self.done >= self.messages and self.done == self.begun:
                timer = threading.Timer(self.idle_s, self.ask_if_idle, [self.begun])
                timer.daemon = True
                timer.start()

    def is_overdue(self) -> bool:
        """Whether it is not to be put off any longer, though the worker has work."""
        times, between = divmod(self.done, self.messages)
        return not between and (times >= PUT_OFF_AT_MOST or (times >= PUT_OFF and self.has_grown()))

    def has_grown(self) -> bool:
        """Whether libraries seem to leak memory. Where nobody knows, they may."""
        now = self.memory()
        return now is None or self.bytes_at_first is None or now > GROWN * self.bytes_at_first

    def ask_if_idle(self, begun: int) -> None:
        """Ask, if no message has come since then."""
        with self.lock:
            if self.begun == begun:
                self.ask()

    def ask(self) -> None:
        if not self.has_asked:
            self.has_asked = True
            log.info("worker.recycled", messages=self.done)
            self.restart()

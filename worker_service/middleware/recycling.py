"""After so many messages the worker starts afresh, so that what its libraries leak never adds up."""

import os
import signal
import threading
from collections.abc import Callable
from typing import Any

import redis
import structlog
from dramatiq import Broker, MessageProxy, Middleware
from dramatiq.brokers.redis import RedisBroker

from shared.broker import waiting_messages
from shared.messages import RunComfyJob

log = structlog.get_logger(__name__)

PUT_OFF = 10  # a worker that is never idle starts afresh after so many times as many messages


def reload_dramatiq() -> None:
    """Dramatiq's own reload: its main process stops its children gracefully, then executes itself again."""
    os.kill(os.getppid(), signal.SIGHUP)


class Recycling(Middleware):
    """Counts the messages of this process and asks for a fresh one, once.

    It costs two seconds in which this worker takes no job, so it is put off until there is none to take, within
    limits. Jobs that run even so are given back and adopted.
    """

    def __init__(self, messages: int, *, start_afresh: Callable[[], None] = reload_dramatiq) -> None:
        self.messages = messages
        self.start_afresh = start_afresh
        self.lock = threading.Lock()
        self.under_way = 0
        self.done = 0
        self.has_asked = False

    def before_process_message(self, _broker: Broker, _message: MessageProxy) -> None:
        with self.lock:
            self.under_way += 1

    def after_process_message(
        self, broker: Broker, _message: MessageProxy, *, result: Any = None, exception: BaseException | None = None
    ) -> None:
        with self.lock:
            self.under_way -= 1
            self.done += 1
            enough = self.done >= self.messages and not self.has_asked
            if enough and (self.done >= PUT_OFF * self.messages or self.is_idle(broker)):
                self.has_asked = True
                log.info("worker.recycled", messages=self.done)
                self.start_afresh()

    def is_idle(self, broker: Broker) -> bool:
        """Whether this process works on nothing, and nothing waits for it."""
        assert isinstance(broker, RedisBroker)
        try:
            return not self.under_way and not waiting_messages(broker, RunComfyJob.queue)
        except redis.RedisError:
            return False

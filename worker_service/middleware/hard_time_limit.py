"""The limit behind the limit: a thread that even TimeLimit could not stop ends its process.

TimeLimit raises its exception between bytecodes, so it cannot cut a call that never returns. What is left then is
to settle the job, give back the others, bury the message, and go; whoever started the process starts another.
"""

import os
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any, NamedTuple

import structlog
from dramatiq import Broker, MessageProxy, Middleware
from dramatiq.brokers.redis import RedisBroker
from redis import RedisError

log = structlog.get_logger(__name__)

INTERVAL_S = 1.0
EXIT_STATUS = 70  # EX_SOFTWARE of sysexits.h


class Deadline(NamedTuple):
    at: float
    message: MessageProxy


class HardTimeLimit(Middleware):
    """`settle` is called with the id of the thread that is stuck, before the process ends through `end`."""

    def __init__(
        self, limit: timedelta, settle: Callable[[int], None], *, end: Callable[[int], Any] = os._exit
    ) -> None:
        self.limit = limit
        self.settle = settle
        self.end = end
        self.deadlines: dict[int, Deadline] = {}

    def after_process_boot(self, broker: Broker) -> None:
        threading.Thread(target=self.watch, args=[broker], name="hard-time-limit", daemon=True).start()

    def before_process_message(self, _broker: Broker, message: MessageProxy) -> None:
        self.deadlines[threading.get_ident()] = Deadline(time.monotonic() + self.limit.total_seconds(), message)

    def after_process_message(
        self, _broker: Broker, _message: MessageProxy, *, result: Any = None, exception: BaseException | None = None
    ) -> None:
        self.deadlines.pop(threading.get_ident(), None)

    def after_skip_message(self, _broker: Broker, _message: MessageProxy) -> None:
        self.deadlines.pop(threading.get_ident(), None)

    def watch(self, broker: RedisBroker) -> None:
        while True:
            time.sleep(INTERVAL_S)
            now = time.monotonic()
            for thread, deadline in list(self.deadlines.items()):
                if now >= deadline.at:
                    self.give_up(broker, thread, deadline.message)

    def give_up(self, broker: RedisBroker, thread: int, message: MessageProxy) -> None:
        log.critical("hard_time_limit.exceeded", message_id=message.message_id, limit_s=self.limit.total_seconds())
        try:
            self.settle(thread)
            broker.do_nack(message.queue_name, message.options["redis_message_id"])
        except RedisError as error:
            log.warning("hard_time_limit.not_buried", error=str(error))
        except Exception:
            log.exception("hard_time_limit.not_settled")
        finally:
            self.end(EXIT_STATUS)

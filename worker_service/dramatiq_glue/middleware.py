"""What surrounds every message, and the life of the worker's process."""

import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, NamedTuple

import structlog
from dramatiq import Broker, MessageProxy, Middleware, Worker
from dramatiq.brokers.redis import RedisBroker
from redis import RedisError

log = structlog.get_logger(__name__)

STUCK_STATUS = 70  # EX_SOFTWARE of sysexits.h
STOP_WITHIN_S = 7.0  # Dramatiq takes up to a second to notice that it should stop, and another to be gone


class LogContext(Middleware):
    """Every line that is logged while a message is worked on says which message it was.

    It comes before Retries in the list, so that its after-hook runs later and knows whether the message failed.
    """

    def before_process_message(self, _broker: Broker, message: MessageProxy) -> None:
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(message_id=message.message_id, actor=message.actor_name)

    def after_process_message(
        self, _broker: Broker, message: MessageProxy, *, result: Any = None, exception: BaseException | None = None
    ) -> None:
        outcome = "buried" if message.failed else "retried" if exception else "done"
        log.debug("message.processed", outcome=outcome)
        structlog.contextvars.clear_contextvars()

    def after_skip_message(self, _broker: Broker, _message: MessageProxy) -> None:
        structlog.contextvars.clear_contextvars()


class BackgroundThreads(Middleware):
    """The threads beside the jobs start with the worker. Before it stops, jobs are released; after that, all closes."""

    def __init__(
        self,
        worker_id: str,
        threads: Sequence[threading.Thread],
        *,
        stop_jobs: Callable[[], None],
        close: Callable[[], None],
    ) -> None:
        self.worker_id = worker_id
        self.threads = threads
        self.stop_jobs = stop_jobs
        self.close = close

    def before_worker_boot(self, _broker: Broker, worker: Worker) -> None:
        for thread in self.threads:
            thread.start()
        log.info("worker.started", worker_id=self.worker_id, threads=worker.worker_threads)

    def before_worker_shutdown(self, _broker: Broker, _worker: Worker) -> None:
        log.info("worker.stopping")
        self.stop_jobs()

    def after_worker_shutdown(self, _broker: Broker, _worker: Worker) -> None:
        self.close()
        log.info("worker.stopped")


class Deadline(NamedTuple):
    at: float
    message: MessageProxy


@dataclass(frozen=True)
class LimitTimings:
    """How often running messages are held against the soft and the hard time limit."""

    check_every_s: float = 1.0


class HardTimeLimit(Middleware):
    """A thread that even TimeLimit could not stop ends its process.

    TimeLimit raises its exception between bytecodes, so it cannot cut a call that never returns. Then `give_up` is
    called with the id of the stuck thread, its message is buried, and the process ends through `end`. Whoever started
    the process starts another.
    """

    def __init__(
        self,
        limit: timedelta,
        give_up: Callable[[int], None],
        *,
        check_every_s: float = 1.0,
        end: Callable[[int], Any] = os._exit,
    ) -> None:
        self.limit = limit
        self.give_up = give_up
        self.check_every_s = check_every_s
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

    def put_off(self, thread: int, seconds: float) -> None:
        """The thread has this much more time."""
        if deadline := self.deadlines.get(thread):
            self.deadlines[thread] = deadline._replace(at=deadline.at + seconds)

    def watch(self, broker: RedisBroker) -> None:
        while True:
            time.sleep(self.check_every_s)
            now = time.monotonic()
            for thread, deadline in list(self.deadlines.items()):
                if now >= deadline.at:
                    self.end_process(broker, thread, deadline.message)

    def end_process(self, broker: RedisBroker, thread: int, message: MessageProxy) -> None:
        log.critical("hard_time_limit.exceeded", message_id=message.message_id, limit_s=self.limit.total_seconds())
        try:
            self.give_up(thread)
            broker.do_nack(message.queue_name, message.options["redis_message_id"])
        except RedisError as error:
            log.warning("hard_time_limit.not_buried", error=str(error))
        except Exception:
            log.exception("hard_time_limit.not_settled")
        finally:
            self.end(STUCK_STATUS)


class PromptExit(Middleware):
    """A worker that should stop is gone within ten seconds, whatever it waits for. It ends its process through `end`.

    Jobs are released in one or two seconds. But a database or a Redis that hangs can hold a thread for minutes, and no
    thread can be taken out of such a call. Then the process ends, and what it still holds is left to its lease.
    """

    def __init__(self, within_s: float = STOP_WITHIN_S, *, end: Callable[[int], Any] = os._exit) -> None:
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

"""How long a plain Dramatiq worker that is idle takes to pick a message up: it looks for one ever more rarely.

The broker and its settings are those of the service; the worker and how it waits are Dramatiq's own.
"""

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import SimpleQueue

import dramatiq
from dramatiq import Worker

from shared.configuration.settings import Settings
from shared.messaging.broker import plain_broker
from shared.messaging.redis_clients import patient_client

QUEUES = 10  # each is waited for by itself, so that a round has as many messages and idles once
IDLE_S = 1.0
SHIPPED_WORKER_TIMEOUT_MS = 1000  # Dramatiq's default, whatever the variable dramatiq_worker_timeout says here


@contextmanager
def idle_worker(settings: Settings) -> Iterator[Callable[[], float]]:
    """Run a worker until the block ends. Yields what measures the median of a pick-up, in milliseconds."""
    broker = plain_broker(patient_client(settings.broker_url), settings)
    picked_up: SimpleQueue[float] = SimpleQueue()

    def stamp(sent_at: float) -> None:
        picked_up.put((time.perf_counter() - sent_at) * 1000)

    actors: list[dramatiq.Actor[[float], None]] = [
        dramatiq.Actor(
            stamp, actor_name=f"stamp-{number}", queue_name=f"plain-{number}", priority=0, options={}, broker=broker
        )
        for number in range(QUEUES)
    ]

    def measured() -> float:
        time.sleep(IDLE_S)
        for actor in actors:
            actor.send(time.perf_counter())
        return statistics.median(picked_up.get(timeout=30) for _ in actors)

    worker = Worker(broker, worker_timeout=SHIPPED_WORKER_TIMEOUT_MS, worker_threads=QUEUES)
    worker.start()
    try:
        yield measured
    finally:
        worker.stop()
        broker.close()

"""Dramatiq over Redis, as both services need it: the API only sends, the worker also consumes."""

import redis
from dramatiq.brokers.redis import RedisBroker
from redis.client import Pipeline

from shared.configuration.settings import Settings
from shared.messaging.messages import Queue
from shared.messaging.redis_clients import hasty_client

EVERY_COMMAND = 1_000_000  # of a million: else the messages of a dead worker come back only after minutes


def sending_broker(settings: Settings) -> RedisBroker:
    """A broker that can only send, and gives up within about a second."""
    return plain_broker(hasty_client(settings.broker_url), settings)


def plain_broker(client: redis.Redis, settings: Settings) -> RedisBroker:
    """Dramatiq's own broker, without middleware."""
    return RedisBroker(  # type: ignore[no-untyped-call]  # dramatiq leaves this one untyped
        client=client, namespace=settings.redis_ns, middleware=[], maintenance_chance=EVERY_COMMAND
    )


def collecting_broker(pipeline: Pipeline, broker: RedisBroker) -> RedisBroker:
    """A broker whose messages are sent when the pipeline is executed, to where the other's are."""
    return RedisBroker(client=pipeline, namespace=broker.namespace, middleware=[], maintenance_chance=0)  # type: ignore[no-untyped-call]


def waiting_messages(broker: RedisBroker, queue: Queue) -> int:
    """The messages of a queue that no worker has fetched yet.

    Fetched ones do not count: a worker fetches only what it has a thread for, and those of a dead one would go on
    being counted for a minute. Nor do delayed ones: what they will wake is not due.
    """
    return int(broker.client.llen(f"{broker.namespace}:{queue}"))

"""A Redis that refuses for a while is asked again, as one that is away: no consumer and no room is lost to it."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import PriorityQueue
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import dramatiq.worker
import pytest
import redis
from dramatiq.common import dq_name
from dramatiq.errors import ConnectionClosed
from dramatiq.worker import ConsumerThread

from shared.configuration.settings import Settings
from shared.messaging.broker import waiting_messages
from shared.messaging.messages import RunComfyJob
from shared.messaging.messenger import Messenger
from shared.messaging.redis_clients import patient_client
from tests.worker_service.waiting import until
from worker_service.dramatiq_glue.consumer import AttentiveBroker, AttentiveConsumer, Capacity, WakeConsumers

QUEUE = RunComfyJob.queue.value
LOOK_MS = 20
Rights = Callable[[str], None]


@pytest.fixture
def user(redis_client: redis.Redis) -> Iterator[str]:
    """A user of Redis with all rights, with its name as its password."""
    name = f"worker-{uuid4().hex[:8]}"
    redis_client.execute_command("ACL", "SETUSER", name, "on", f">{name}", "~*", "&*", "+@all")  # type: ignore[no-untyped-call]
    yield name
    redis_client.execute_command("ACL", "DELUSER", name)  # type: ignore[no-untyped-call]


@pytest.fixture
def rights(redis_client: redis.Redis, user: str) -> Rights:
    """Gives all of them to that user, or takes them away."""
    return lambda said: redis_client.execute_command("ACL", "SETUSER", user, said)  # type: ignore[no-untyped-call]


@pytest.fixture
def broker(settings: Settings, user: str) -> Iterator[AttentiveBroker]:
    parts = urlsplit(settings.broker_url)
    url = parts._replace(netloc=f"{user}:{user}@{parts.hostname}:{parts.port}").geturl()
    broker = AttentiveBroker(patient_client(url), settings, Capacity(2, WakeConsumers()), [])
    yield broker
    broker.client.close()


def consumer_of(broker: AttentiveBroker) -> AttentiveConsumer:
    consumer = broker.consume(QUEUE, 2, LOOK_MS)
    assert isinstance(consumer, AttentiveConsumer)
    return consumer


def test_what_it_refuses_is_said_as_of_one_that_is_away(
    broker: AttentiveBroker, messenger: Messenger, rights: Rights
) -> None:
    consumer = consumer_of(broker)
    messenger.send(RunComfyJob(job_id=1))
    message = next(consumer)
    assert message is not None
    rights("-@all")
    refused: list[Callable[[], Any]] = [
        lambda: next(consumer),
        lambda: consumer.ack(message),
        lambda: consumer.nack(message),
        lambda: consumer.requeue([message]),
    ]
    for what in refused:
        with pytest.raises(ConnectionClosed):
            what()
    rights("+@all")
    consumer.ack(message)
    assert not consumer.under_way, "a message whose end was refused once holds no room for good"
    consumer.close()


def test_a_consumer_may_be_closed_twice(broker: AttentiveBroker) -> None:
    consumer = consumer_of(broker)
    consumer.close()
    consumer.close()
    assert not broker.capacity.wake_consumers.consumers


@contextmanager
def at_work(broker: AttentiveBroker, queue: str) -> Iterator[PriorityQueue[Any]]:
    """Dramatiq's own thread takes up the messages of a queue in the block: what it gives to those who work."""
    dramatiq.actor(broker=broker, queue_name=QUEUE, actor_name=RunComfyJob(job_id=1).to_dramatiq().actor_name)(abs)
    given: PriorityQueue[Any] = PriorityQueue()
    thread = ConsumerThread(broker=broker, queue_name=queue, prefetch=2, work_queue=given, worker_timeout=LOOK_MS)
    thread.start()
    yield given
    thread.stop()
    thread.join(30)
    assert not thread.is_alive()


@pytest.fixture
def restarts(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Callable[[], bool]:
    """Whether a thread has said that it begins anew, which it then does soon."""
    monkeypatch.setattr(dramatiq.worker, "CONSUMER_RESTART_DELAY_SECS", 0.02)
    caplog.set_level(logging.INFO)
    return lambda: "Restarting consumer" in caplog.text


def test_a_worker_goes_on_with_a_queue_once_it_is_let(
    broker: AttentiveBroker, messenger: Messenger, rights: Rights, restarts: Callable[[], bool]
) -> None:
    with at_work(broker, QUEUE) as given:
        rights("-@all")
        until(restarts)
        rights("+@all")
        messenger.send(RunComfyJob(job_id=1))
        assert given.get(timeout=30)


def test_what_was_delayed_goes_on_once_it_may(
    broker: AttentiveBroker, messenger: Messenger, rights: Rights, restarts: Callable[[], bool]
) -> None:
    """Redis takes nothing in the moment in which a message becomes due."""
    with at_work(broker, dq_name(QUEUE)):
        rights("-rpush")
        messenger.broker.enqueue(RunComfyJob(job_id=1).to_dramatiq(), delay=1)
        until(restarts)
        rights("+@all")
        messenger.broker.enqueue(RunComfyJob(job_id=2).to_dramatiq(), delay=1)
        until(lambda: waiting_messages(messenger.broker, RunComfyJob.queue))

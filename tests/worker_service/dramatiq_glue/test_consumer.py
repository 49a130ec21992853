"""A worker is told when to look for messages; where it is not told, it looks all the same."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from dramatiq import Consumer, MessageProxy
from dramatiq.common import dq_name

from shared.configuration.settings import Settings
from shared.messaging.events import Channels
from shared.messaging.messages import Queue, RunComfyJob
from shared.messaging.messenger import Messenger
from shared.messaging.redis_clients import hasty_client, patient_client
from tests.worker_service.waiting import until
from worker_service.dramatiq_glue.consumer import AttentiveBroker, AttentiveConsumer, Capacity, WakeConsumers
from worker_service.dramatiq_glue.signals import SignalListener
from worker_service.run.leases import Leases

FOR_EVER_MS = 3_600_000


class Waiter(threading.Thread):
    """Asks a consumer for messages until it has been given so many, or is to stop."""

    def __init__(self, consumer: Consumer, wanted: int = 1) -> None:
        super().__init__(daemon=True)
        self.consumer = consumer
        self.wanted = wanted
        self.found: list[MessageProxy] = []
        self.looks = 0
        self.stopping = threading.Event()
        self.start()

    def run(self) -> None:
        while len(self.found) < self.wanted and not self.stopping.is_set():
            self.looks += 1
            message = next(self.consumer)
            if message is not None:
                self.found.append(message)

    def until_asleep(self) -> None:
        """Once it has looked and found nothing."""
        until(lambda: self.looks == 1)

    def done(self) -> bool:
        self.join(30)
        return not self.is_alive()

    def stop(self) -> None:
        """Have it stop after its look: what it looks into is closed behind the test."""
        assert isinstance(self.consumer, AttentiveConsumer)
        self.stopping.set()
        self.consumer.woken.set()
        assert self.done()


@pytest.fixture
def wake_consumers() -> WakeConsumers:
    return WakeConsumers()


@pytest.fixture
def broker(settings: Settings, wake_consumers: WakeConsumers) -> Iterator[AttentiveBroker]:
    broker = AttentiveBroker(patient_client(settings.broker_url), settings, Capacity(2, wake_consumers), [])
    yield broker
    broker.client.close()


@contextmanager
def consumer_of(broker: AttentiveBroker, *, prefetch: int = 1, timeout_ms: int = FOR_EVER_MS) -> Iterator[Consumer]:
    consumer = broker.consume(RunComfyJob.queue.value, prefetch, timeout_ms)
    yield consumer
    consumer.close()


def test_a_message_that_is_sent_wakes_a_worker_that_sleeps(
    messenger: Messenger, settings: Settings, broker: AttentiveBroker, wake_consumers: WakeConsumers
) -> None:
    leases = Leases(messenger.engine, "w", threads=1, duration=timedelta(seconds=30))
    signals = SignalListener(
        hasty_client(settings.redis_url), Channels(settings.redis_ns), cancel=leases.cancel, wake=wake_consumers
    )
    signals.start()
    with consumer_of(broker) as consumer:
        waiter = Waiter(consumer)
        waiter.until_asleep()
        until(lambda: messenger.client.pubsub_numsub(signals.channels.wakeups)[0][1] == 1)
        assert messenger.send(RunComfyJob(job_id=1))
        assert waiter.done()
    signals.close()
    signals.join()


def test_a_message_that_is_done_makes_room_for_the_next_one_at_once(
    messenger: Messenger, broker: AttentiveBroker
) -> None:
    for job_id in (1, 2, 3):
        messenger.send(RunComfyJob(job_id=job_id))
    with consumer_of(broker) as consumer:
        waiter = Waiter(consumer, wanted=3)
        until(lambda: len(waiter.found) == 1)
        consumer.ack(waiter.found[0])
        until(lambda: len(waiter.found) == 2)
        consumer.nack(waiter.found[1])
        assert waiter.done()


def test_no_message_is_taken_up_for_which_there_is_no_slot(messenger: Messenger, broker: AttentiveBroker) -> None:
    for job_id in range(1, 5):
        messenger.send(RunComfyJob(job_id=job_id))
    with consumer_of(broker, prefetch=3) as consumer:
        waiter = Waiter(consumer, wanted=4)
        until(lambda: waiter.looks == 3, lambda: "it looks a third time, and takes nothing")
        assert len(waiter.found) == 2
        with broker.capacity.slot(wake_next=lambda: None) as slot:
            slot.leave()
            until(lambda: len(waiter.found) == 3)
        consumer.ack(waiter.found[0])
        consumer.ack(waiter.found[1])
        assert waiter.done()


def test_what_waits_for_its_time_needs_no_room(messenger: Messenger, broker: AttentiveBroker) -> None:
    broker.enqueue(RunComfyJob(job_id=1).to_dramatiq(), delay=1)
    broker.capacity.slots = 0
    consumer = broker.consume(dq_name(RunComfyJob.queue.value), timeout=20)
    assert Waiter(consumer).done()
    consumer.close()


def test_without_a_wake_up_it_is_looked_for_all_the_same(messenger: Messenger, broker: AttentiveBroker) -> None:
    with consumer_of(broker, timeout_ms=20) as consumer:
        waiter = Waiter(consumer)
        waiter.until_asleep()
        messenger.send(RunComfyJob(job_id=1))
        assert waiter.done()


@pytest.mark.parametrize("queue", [Queue.WEBHOOKS, Queue.MAIL, Queue.CLEANUP])
def test_what_comes_by_itself_too_is_looked_for_less_often(broker: AttentiveBroker, queue: Queue) -> None:
    consumer = broker.consume(queue.value, 1, 20)
    assert isinstance(consumer, AttentiveConsumer)
    began = time.monotonic()
    assert next(consumer) is None
    assert consumer.look_at >= began + 1.0
    consumer.close()


def test_a_closed_consumer_is_forgotten(broker: AttentiveBroker, wake_consumers: WakeConsumers) -> None:
    with consumer_of(broker):
        assert len(wake_consumers.consumers) == 1
    assert not wake_consumers.consumers


def test_it_is_woken_for_its_own_queue(broker: AttentiveBroker, wake_consumers: WakeConsumers) -> None:
    webhooks = broker.consume(Queue.WEBHOOKS.value, 1, FOR_EVER_MS)
    with consumer_of(broker) as jobs:
        jobs_waiter, webhooks_waiter = Waiter(jobs), Waiter(webhooks)
        jobs_waiter.until_asleep()
        webhooks_waiter.until_asleep()
        wake_consumers(Queue.COMFY.value)
        until(lambda: jobs_waiter.looks == 2)
        wake_consumers()  # as those who do not say which queue
        until(lambda: (jobs_waiter.looks, webhooks_waiter.looks) == (3, 2))
        jobs_waiter.stop()
        webhooks_waiter.stop()
    webhooks.close()


def test_what_this_process_delays_is_taken_up_at_once(broker: AttentiveBroker) -> None:
    consumer = broker.consume(dq_name(RunComfyJob.queue.value), timeout=FOR_EVER_MS)
    waiter = Waiter(consumer)
    waiter.until_asleep()
    broker.enqueue(RunComfyJob(job_id=1).to_dramatiq(), delay=1)
    assert waiter.done()
    consumer.close()


def test_what_another_process_delays_is_found_after_a_while(broker: AttentiveBroker, messenger: Messenger) -> None:
    consumer = broker.consume(dq_name(RunComfyJob.queue.value), timeout=20)
    waiter = Waiter(consumer)
    until(lambda: waiter.looks > 1)
    messenger.broker.enqueue(RunComfyJob(job_id=1).to_dramatiq(), delay=1)
    assert waiter.done()
    consumer.close()

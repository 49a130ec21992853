"""A consumer that is woken when there is a message, and takes up no more messages than there are slots.

Dramatiq over Redis looks for messages again and again, and sleeps up to `dramatiq_worker_timeout` between two looks:
on average a message waits for half of that, beside an idle thread. A wake-up ends the sleep early. Nothing depends on
it: a wake-up that is not heard costs the rest of the sleep.
"""

import threading
from collections.abc import Callable, Iterable, Sequence
from types import TracebackType
from typing import Self

import redis
from dramatiq import Consumer, MessageProxy, Middleware
from dramatiq.brokers.redis import RedisBroker
from dramatiq.common import q_name

from shared.configuration.settings import Settings
from shared.messaging.broker import EVERY_COMMAND


class WakeConsumers:
    """Called, it wakes every consumer of this process."""

    def __init__(self) -> None:
        self.sleepers: list[threading.Event] = []

    def __call__(self) -> None:
        for sleeper in list(self.sleepers):
            sleeper.set()


class Capacity:
    """How many messages this process works on at once: one for each slot of its servers, and one for each job that has
    left its slot and is being stored. One more message would find no slot."""

    def __init__(self, slots: int, wake_consumers: WakeConsumers) -> None:
        self.slots = slots
        self.wake_consumers = wake_consumers
        self.lock = threading.Lock()
        self.storing = 0

    @property
    def messages(self) -> int:
        return self.slots + self.storing

    def slot(self, wake_next: Callable[[], None]) -> "Slot":
        return Slot(self, wake_next)


class Slot:
    """The slot of one job. The job leaves it as soon as ComfyUI is done, else when the block ends.

    Whenever it is left, `wake_next` has some worker look for the next job.
    """

    def __init__(self, capacity: Capacity, wake_next: Callable[[], None]) -> None:
        self.capacity = capacity
        self.wake_next = wake_next
        self.is_left = False

    def __enter__(self) -> Self:
        return self

    def leave(self) -> None:
        """From now on the job is only being stored, which takes no slot."""
        self.is_left = True
        with self.capacity.lock:
            self.capacity.storing += 1
        self.capacity.wake_consumers()
        self.wake_next()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.is_left:
            with self.capacity.lock:
                self.capacity.storing -= 1
        else:
            self.wake_next()


class AttentiveConsumer(Consumer):
    """A consumer that sleeps until it is woken, or `timeout_ms` have passed.

    It also looks at once when a message is done, which leaves room for the next one.
    """

    def __init__(
        self, consumer: Consumer, wake_consumers: WakeConsumers, timeout_ms: int, capacity: Capacity | None
    ) -> None:
        self.consumer = consumer
        self.wake_consumers = wake_consumers
        self.timeout_s = timeout_ms / 1000
        self.capacity = capacity
        self.under_way: set[str] = set()
        self.woken = threading.Event()
        wake_consumers.sleepers.append(self.woken)

    def __next__(self) -> MessageProxy | None:
        self.woken.clear()  # before the look, so that a wake-up during the look ends the sleep after it
        message = next(self.consumer) if self.has_room() else None
        if message is None:
            self.woken.wait(self.timeout_s)
        else:
            self.under_way.add(message.message_id)
        return message

    def has_room(self) -> bool:
        return self.capacity is None or len(self.under_way) < self.capacity.messages

    def ack(self, message: MessageProxy) -> None:
        self.consumer.ack(message)
        self.is_done(message)

    def nack(self, message: MessageProxy) -> None:
        self.consumer.nack(message)
        self.is_done(message)

    def is_done(self, message: MessageProxy) -> None:
        self.under_way.discard(message.message_id)
        self.woken.set()

    def requeue(self, messages: Iterable[MessageProxy]) -> None:
        self.consumer.requeue(messages)

    def close(self) -> None:
        self.wake_consumers.sleepers.remove(self.woken)
        self.consumer.close()


class AttentiveBroker(RedisBroker):
    """A broker whose consumers are attentive, and respect a capacity."""

    def __init__(
        self, client: redis.Redis, settings: Settings, capacity: Capacity, middleware: Sequence[Middleware]
    ) -> None:
        super().__init__(  # type: ignore[no-untyped-call]  # dramatiq leaves this one untyped
            client=client,
            namespace=settings.redis_ns,
            middleware=list(middleware),
            maintenance_chance=EVERY_COMMAND,
        )
        self.capacity = capacity

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 5000) -> Consumer:
        """A consumer that does its sleeping itself: the one within sleeps for no time."""
        consumer = super().consume(queue_name, prefetch, timeout=0)
        is_delayed = queue_name != q_name(queue_name)
        if is_delayed:
            # What comes from there only waits here; time alone makes it due, so no wake-up tells of it.
            return AttentiveConsumer(consumer, WakeConsumers(), timeout, None)
        return AttentiveConsumer(consumer, self.capacity.wake_consumers, timeout, self.capacity)

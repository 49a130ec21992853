"""A consumer that is woken when there is a message, and takes up no more messages than there are slots.

Dramatiq over Redis looks for messages again and again, and sleeps up to `dramatiq_worker_timeout` between two looks:
on average a message waits for half of that, beside an idle thread. A wake-up ends the sleep early. Nothing depends on
it: a wake-up that is not heard costs the rest of the sleep.

A look that finds nothing takes a third of a millisecond of processor time, so none is made that can find nothing.

A Redis that refuses (full, a replica, a user without rights) is as one that is away: Dramatiq asks again. Of any other
error it would close a consumer twice, give up a message that is done, or end a thread for good.
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Any, Self

import redis
from dramatiq import Consumer, Message, MessageProxy, Middleware
from dramatiq.brokers.redis import RedisBroker
from dramatiq.common import q_name
from dramatiq.errors import ConnectionClosed

from shared.configuration.settings import Settings
from shared.messaging.broker import EVERY_COMMAND
from shared.messaging.messages import Queue

# What wakes nobody in time is looked for this often where that is not every time.
# The threads that deliver look by themselves as well, and a clean-up is in no hurry.
LOOKS_EVERY_S = {Queue.WEBHOOKS.value: 1.0, Queue.MAIL.value: 1.0, Queue.CLEANUP.value: 1.0}
DELAYED_LOOKS_EVERY_S = 2.0  # for what another process has delayed, and left behind


class WakeConsumers:
    """Called with the name of a queue, it wakes the consumers of that queue in this process; without one, all of
    them."""

    def __init__(self) -> None:
        self.consumers: list[AttentiveConsumer] = []

    def __call__(self, queue: str = "") -> None:
        for consumer in list(self.consumers):
            if queue in {"", consumer.queue}:
                consumer.woken.set()

    def that_are_full(self) -> None:
        """There is room again: wake those that found none. The others have nothing new to look for."""
        for consumer in list(self.consumers):
            if consumer.is_full:
                consumer.woken.set()


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

    def resize(self, slots: int) -> None:
        """Its servers have so many slots from now on."""
        if slots != self.slots:
            self.slots = slots
            self.wake_consumers.that_are_full()

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
        self.capacity.wake_consumers.that_are_full()
        self.wake_next()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.is_left:
            with self.capacity.lock:
                self.capacity.storing -= 1
        else:
            self.wake_next()


@contextmanager
def refusing_is_being_away() -> Iterator[None]:
    """Raises ConnectionClosed for whatever Redis answers instead of doing what it was asked."""
    try:
        yield
    except redis.RedisError as error:
        raise ConnectionClosed(error) from None  # type: ignore[no-untyped-call]  # dramatiq leaves this one untyped


class AttentiveConsumer(Consumer):
    """A consumer that sleeps until it is woken, or `timeout_ms` have passed.

    It also looks at once when a message is done, where there was no room before. Without a `capacity` it is one of
    messages that wait for their time.
    """

    def __init__(
        self, consumer: Any, wake_consumers: WakeConsumers, timeout_ms: int, capacity: Capacity | None
    ) -> None:
        self.consumer = consumer
        self.wake_consumers = wake_consumers
        self.timeout_s = timeout_ms / 1000
        self.capacity = capacity
        self.queue: str = consumer.queue_name
        self.prefetch: int = consumer.prefetch
        self.looks_every_s = DELAYED_LOOKS_EVERY_S if capacity is None else LOOKS_EVERY_S.get(self.queue, 0.0)
        self.look_at = 0.0
        self.under_way: set[str] = set()
        self.is_full = False
        self.woken = threading.Event()
        wake_consumers.consumers.append(self)

    def __next__(self) -> MessageProxy | None:
        is_due = self.woken.is_set() or time.monotonic() >= self.look_at
        self.woken.clear()  # before the look, so that a wake-up during the look ends the sleep after it
        message: MessageProxy | None = None
        if self.has_room() and is_due:
            with refusing_is_being_away():
                message = next(self.consumer)
        if message is not None:
            self.under_way.add(message.message_id)
            return message
        if is_due and not self.is_full:
            self.look_at = time.monotonic() + self.looks_every_s
        self.woken.wait(self.timeout_s)
        return None

    def has_room(self) -> bool:
        self.is_full = True  # before the count, so that whoever makes room meanwhile wakes this one
        most = self.prefetch if self.capacity is None else min(self.prefetch, self.capacity.messages)
        self.is_full = len(self.under_way) >= most
        return not self.is_full

    def ack(self, message: MessageProxy) -> None:
        with refusing_is_being_away():
            self.consumer.ack(message)
        self.is_done(message)

    def nack(self, message: MessageProxy) -> None:
        with refusing_is_being_away():
            self.consumer.nack(message)
        self.is_done(message)

    def is_done(self, message: MessageProxy) -> None:
        self.under_way.discard(message.message_id)
        if self.is_full:
            self.woken.set()

    def requeue(self, messages: Iterable[MessageProxy]) -> None:
        with refusing_is_being_away():
            self.consumer.requeue(messages)

    def close(self) -> None:
        """Nobody wakes it from now on. It may be closed again."""
        with suppress(ValueError):
            self.wake_consumers.consumers.remove(self)
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
        self.clean_ups = Capacity(1, capacity.wake_consumers)
        self.wake_delayed = WakeConsumers()

    def enqueue(self, message: Message[Any], *, delay: int | None = None) -> Message[Any]:
        """What this process delays it looks for at once."""
        sent = super().enqueue(message, delay=delay)
        if delay is not None:
            self.wake_delayed(sent.queue_name)
        return sent

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 5000) -> Consumer:
        """A consumer that does its sleeping itself: the one within sleeps for no time."""
        consumer = super().consume(queue_name, prefetch, timeout=0)
        is_delayed = queue_name != q_name(queue_name)
        if is_delayed:
            # What comes from there only waits here; time alone makes it due, so no wake-up tells of it.
            return AttentiveConsumer(consumer, self.wake_delayed, timeout, None)
        # A clean-up may take minutes. There is a thread for one, beside those of the jobs.
        capacity = self.clean_ups if queue_name == Queue.CLEANUP else self.capacity
        return AttentiveConsumer(consumer, self.capacity.wake_consumers, timeout, capacity)

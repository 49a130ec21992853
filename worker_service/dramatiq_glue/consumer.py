"""Dramatiq over Redis looks for messages again and again; here it is also told when to look.

Between two looks its consumer sleeps, up to `dramatiq_worker_timeout`: half of that is what a message waits for on
average, and a free thread too. A bell ends the sleep early. Nothing depends on it: an unheard bell costs the sleep.
"""

import threading
from collections.abc import Iterable, Sequence

import redis
from dramatiq import Consumer, MessageProxy, Middleware
from dramatiq.brokers.redis import RedisBroker
from dramatiq.common import q_name

from shared.configuration.settings import Settings
from shared.messaging.broker import EVERY_COMMAND


class Bell:
    """Wakes every consumer of this process."""

    def __init__(self) -> None:
        self.sleepers: list[threading.Event] = []

    def ring(self) -> None:
        for sleeper in list(self.sleepers):
            sleeper.set()


class Room:
    """How many messages this process takes up at once: one for each slot of its servers, and one for each job that has
    left its slot and is being stored. One more would find no slot, and be spent for nothing."""

    def __init__(self, slots: int, bell: Bell) -> None:
        self.slots = slots
        self.bell = bell
        self.lock = threading.Lock()
        self.storing = 0

    @property
    def messages(self) -> int:
        return self.slots + self.storing

    def slot_left(self) -> None:
        with self.lock:
            self.storing += 1
        self.bell.ring()

    def stored(self) -> None:
        with self.lock:
            self.storing -= 1


class AttentiveConsumer(Consumer):
    """A consumer that sleeps until its bell rings, or `timeout_ms` have passed.

    It also looks at once when a message is done, which makes room for the next one.
    """

    def __init__(self, consumer: Consumer, bell: Bell, timeout_ms: int, room: Room | None) -> None:
        self.consumer = consumer
        self.bell = bell
        self.timeout_s = timeout_ms / 1000
        self.room = room
        self.under_way: set[str] = set()
        self.woken = threading.Event()
        bell.sleepers.append(self.woken)

    def __next__(self) -> MessageProxy | None:
        self.woken.clear()  # before the look: what comes while it is made must not be slept over
        message = next(self.consumer) if self.has_room() else None
        if message is None:
            self.woken.wait(self.timeout_s)
        else:
            self.under_way.add(message.message_id)
        return message

    def has_room(self) -> bool:
        return self.room is None or len(self.under_way) < self.room.messages

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
        self.bell.sleepers.remove(self.woken)
        self.consumer.close()


class AttentiveBroker(RedisBroker):
    """The broker of a worker that has so much room."""

    def __init__(self, client: redis.Redis, settings: Settings, room: Room, middleware: Sequence[Middleware]) -> None:
        super().__init__(  # type: ignore[no-untyped-call]  # dramatiq leaves this one untyped
            client=client,
            namespace=settings.redis_ns,
            middleware=list(middleware),
            maintenance_chance=EVERY_COMMAND,
        )
        self.room = room

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 5000) -> Consumer:
        """A consumer that does its sleeping itself: the one within is told to sleep for no time."""
        consumer = super().consume(queue_name, prefetch, timeout=0)
        is_delayed = queue_name != q_name(queue_name)  # what comes from there only waits here
        return AttentiveConsumer(consumer, self.room.bell, timeout, None if is_delayed else self.room)

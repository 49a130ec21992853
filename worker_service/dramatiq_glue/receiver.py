"""A handler is bound to a message class, and becomes a Dramatiq actor once there is a broker."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import dramatiq
from dramatiq.middleware import CurrentMessage

from shared.messaging.messages import Message

M = TypeVar("M", bound=Message)
R = TypeVar("R")


@dataclass(frozen=True)
class Delivery(Generic[R]):
    """What comes with a message: its id, and what its handler uses of the process."""

    message_id: str
    resources: R


@dataclass(frozen=True)
class Receiver(Generic[M, R]):
    """A handler for one message class, with the options of its actor."""

    message_class: type[M]
    handle: Callable[[M, Delivery[R]], None]
    options: dict[str, Any]

    def bind(self, broker: dramatiq.Broker, resources: R) -> None:
        """Declare the actor that hands each message of the class to the handler."""

        def actor(**payload: Any) -> None:
            current = CurrentMessage.get_current_message()
            delivery = Delivery(current.message_id if current else "", resources)
            self.handle(self.message_class.from_payload(payload), delivery)

        dramatiq.actor(
            broker=broker,
            actor_name=self.message_class.actor_name,
            queue_name=self.message_class.queue.value,
            **self.options,
        )(actor)


def receives(message_class: type[M], **options: Any) -> Callable[[Callable[[M, Delivery[R]], None]], Receiver[M, R]]:
    """Make a handler the receiver of a message class. `options` are Dramatiq's actor options."""

    def make(handle: Callable[[M, Delivery[R]], None]) -> Receiver[M, R]:
        return Receiver(message_class, handle, options)

    return make

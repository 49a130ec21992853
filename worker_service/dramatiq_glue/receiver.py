"""A handler is bound to a message class, and becomes a Dramatiq actor once there is a broker."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import dramatiq
import structlog
from dramatiq import Retry
from dramatiq.middleware import CurrentMessage
from sqlalchemy.exc import SQLAlchemyError

from shared.database.troubles.unavailable import is_unavailable
from shared.messaging.messages import Message
from shared.texts.reasons import driver_reason

log = structlog.get_logger(__name__)

MOST_TRIES = 5  # over half a minute
RESTS_S = 1.0  # a thread that could not do anything

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
            try:
                self.handle(self.message_class.from_payload(payload), delivery)
            except SQLAlchemyError as error:
                if not is_unavailable(error):
                    raise
                tries = current.options.get("retries", 0) if current else 0
                put_off(error, tries=tries, most=self.options.get("max_retries", MOST_TRIES))

        dramatiq.actor(
            broker=broker,
            actor_name=self.message_class.actor_name,
            queue_name=self.message_class.queue.value,
            **self.options,
        )(actor)


def put_off(error: SQLAlchemyError, *, tries: int, most: int) -> None:
    """The database is away: a line in the log, and no traceback for each message. Raises Retry, a few times.

    After that the message is done: it only woke somebody up, and the sweep of missing wake-ups sends as many as there
    are rows to work on. Kept, they would pile up while the sweep goes on, for as long as a claim alone is refused.
    """
    reason = driver_reason(error)
    log.warning("message.put_off", error=reason, tries=tries)
    time.sleep(RESTS_S)
    if tries < most:
        raise Retry(f"the database is away: {reason}") from None


def is_asked_for(_retries: int, error: BaseException) -> bool:
    """As an actor's `retry_when`: only who raises Retry has the message sent again."""
    return isinstance(error, Retry)


def receives(message_class: type[M], **options: Any) -> Callable[[Callable[[M, Delivery[R]], None]], Receiver[M, R]]:
    """Make a handler the receiver of a message class. `options` are Dramatiq's actor options."""

    def make(handle: Callable[[M, Delivery[R]], None]) -> Receiver[M, R]:
        return Receiver(message_class, handle, options)

    return make

"""Have the threads that deliver webhooks look for what is due: an actor's own thread belongs to the jobs."""

from collections.abc import Callable
from typing import Protocol

from shared.messaging.messages import DeliverWebhooks
from worker_service.dramatiq_glue.receiver import Delivery, receives


class Wakes(Protocol):
    @property
    def wake_webhooks(self) -> Callable[[], None]: ...


@receives(DeliverWebhooks)
def deliver_webhooks(_message: DeliverWebhooks, delivery: Delivery[Wakes]) -> None:
    """Wake up: the message only says that something is due."""
    delivery.resources.wake_webhooks()

"""Have the threads that send e-mail look for what is due: an actor's own thread belongs to the jobs."""

from collections.abc import Callable
from typing import Protocol

from shared.messaging.messages import SendMail
from worker_service.dramatiq_glue.receiver import Delivery, receives


class Wakes(Protocol):
    @property
    def wake_mail(self) -> Callable[[], None]: ...


@receives(SendMail)
def send_mail(_message: SendMail, delivery: Delivery[Wakes]) -> None:
    """Wake up: the message only says that something is due."""
    delivery.resources.wake_mail()

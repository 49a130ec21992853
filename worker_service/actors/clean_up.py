"""Do the clean-ups that are due, portion by portion, until nothing is or its time is over."""

from collections.abc import Callable
from typing import Protocol

from dramatiq.middleware import TimeLimitExceeded

from shared.messaging.messages import CleanUp
from worker_service.dramatiq_glue.receiver import Delivery, receives


class CleansUp(Protocol):
    @property
    def clean_up(self) -> Callable[[], None]: ...


# What fails stays due, and the rows bring it back.
@receives(CleanUp, max_retries=0, throws=TimeLimitExceeded)
def clean_up(_message: CleanUp, delivery: Delivery[CleansUp]) -> None:
    """Wake up: the message only says that something is due."""
    delivery.resources.clean_up()

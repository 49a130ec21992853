"""Give the task that is due a turn."""

from collections.abc import Callable
from typing import Protocol

from dramatiq import Retry
from dramatiq.middleware import TimeLimitExceeded

from shared.messaging.messages import RunTask
from worker_service.dramatiq_glue.receiver import Delivery, receives


class Runs(Protocol):
    @property
    def run_tasks(self) -> Callable[[], object]: ...


def can_help(_retries: int, error: BaseException) -> bool:
    """Whether Dramatiq should send the message again: when the database was away."""
    return isinstance(error, Retry)


@receives(RunTask, retry_when=can_help, throws=(TimeLimitExceeded,))
def run_task(_message: RunTask, delivery: Delivery[Runs]) -> None:
    """Wake up: the message only says that some task is due."""
    delivery.resources.run_tasks()

"""Give the task that is due a turn."""

from collections.abc import Callable
from typing import Protocol

from dramatiq.middleware import TimeLimitExceeded

from shared.messaging.messages import RunTask
from worker_service.dramatiq_glue.receiver import Delivery, is_asked_for, receives


class Runs(Protocol):
    @property
    def run_tasks(self) -> Callable[[], object]: ...


@receives(RunTask, retry_when=is_asked_for, throws=(TimeLimitExceeded,))
def run_task(_message: RunTask, delivery: Delivery[Runs]) -> None:
    """Wake up: the message only says that some task is due."""
    delivery.resources.run_tasks()

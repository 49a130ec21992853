"""What can be refused about tasks."""

from api_service.refusals.codes import Code
from api_service.refusals.refusal import Refusal
from shared.models import TaskState


def task_not_found(task_id: object) -> Refusal:
    return Refusal(Code.TASK_NOT_FOUND, f"there is no task {str(task_id)!r}")


def task_ended(state: TaskState) -> Refusal:
    return Refusal(Code.TASK_ENDED, f"the task is {state} already and can no longer be cancelled")


def task_not_ended(state: TaskState) -> Refusal:
    return Refusal(
        Code.TASK_NOT_ENDED, f"the task is {state} and can only be deleted once it has ended; cancel it first"
    )


def task_has_no_file(task_id: object, state: TaskState) -> Refusal:
    return Refusal(Code.TASK_HAS_NO_FILE, f"the task {str(task_id)!r} is {state} and has nothing to download")


def task_key_reused(key: str, task_id: object) -> Refusal:
    return Refusal(
        Code.IDEMPOTENCY_KEY_REUSED,
        f"Idempotency-Key {key!r} was used before with another request, which asked for task {task_id}",
        task_id=str(task_id),
    )

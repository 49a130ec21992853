"""What clients see of a task."""

from datetime import datetime
from typing import Any, Self
from uuid import UUID

from pydantic import BaseModel

from api_service.http.pages import Page
from api_service.http.signed_urls import SignedUrls
from shared.models import Task, TaskKind, TaskState

TASKS = "/api/v1/tasks"


class TaskErrorView(BaseModel, frozen=True):
    """Why a task failed, or, while it has not ended, why its last try did: a stable code, and a sentence."""

    code: str
    message: str


class TaskFileView(BaseModel, frozen=True):
    """What there is to download. `url` is where, for whoever has it, until `url_expires_at`."""

    filename: str
    media_type: str
    size_bytes: int
    sha256: str
    url: str
    url_expires_at: datetime


class TaskView(BaseModel, frozen=True):
    """A task: what was asked for, how far it is, and what came of it.

    `done` of `total` things are done, `percent` in all; both of these are null until it is known how many there are.
    `result` is what came of it so far. A task that has ended is kept until `expires_at`, with its file.
    """

    id: UUID
    user_id: UUID
    kind: TaskKind
    state: TaskState
    percent: float | None
    done: int
    total: int | None
    parameters: dict[str, Any]
    result: dict[str, Any]
    error: TaskErrorView | None
    file: TaskFileView | None
    cancel_requested: bool
    created_at: datetime
    updated_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    expires_at: datetime | None

    @classmethod
    def of(cls, task: Task, urls: SignedUrls) -> Self:
        derived = {"percent", "error", "file"}
        return cls(
            **{name: getattr(task, name) for name in cls.model_fields.keys() - derived},
            percent=percent_of(task),
            error=TaskErrorView(code=task.error_code, message=task.error_message or "") if task.error_code else None,
            file=file_of(task, urls),
        )


def percent_of(task: Task) -> float | None:
    """Never 100 before it is complete."""
    if task.state is TaskState.COMPLETED:
        return 100.0
    if task.total is None:
        return None
    return min(99.0, round(100 * task.done / task.total, 1)) if task.total else 0.0


def file_of(task: Task, urls: SignedUrls) -> TaskFileView | None:
    if task.file is None:
        return None
    said = {name: task.file[name] for name in ("filename", "media_type", "size_bytes", "sha256")}
    return TaskFileView(**said, url=urls.url(f"{TASKS}/{task.id}/file"), url_expires_at=urls.expires_at)


class TaskPage(Page[TaskView], frozen=True):
    """A page of tasks. `next` is where the page after it is, with `cursor` in it; both are null on the last page."""

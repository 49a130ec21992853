"""The life of a task: made, done page by page under a lease, put back, cancelled, ended, deleted.

Each write of a worker names its claim. One that was given up for dead holds an old one: its writes change nothing and
raise TaskLost.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, case, func, update
from sqlmodel import Session, col, select

from shared.database.clock import database_time
from shared.files.folders import note
from shared.messaging.messenger import ring_after_commit
from shared.models import Task, TaskState
from shared.texts.storable import cut

KEPT = timedelta(days=7)  # a task that has ended, with its file
AT_ONCE = timedelta(0)


class TaskLost(Exception):
    """Another worker has the task, or it has ended, or is gone."""


class TaskLease(NamedTuple):
    """A worker's right to change a task, and how long it lasts from each renewal on."""

    task_id: UUID
    claim: int
    duration: timedelta


class HeldTask(NamedTuple):
    """What a write to a task says of it: whether somebody has asked to cancel it, and whose it is."""

    cancel_requested: bool
    user_id: UUID


class Page(NamedTuple):
    """What a page has come to: where the next one begins, how much was done, and what came of all pages so far."""

    cursor: Mapping[str, Any]
    done: int
    result: Mapping[str, Any]


class Ending(NamedTuple):
    """How a task ends: with what result, what there is to download, and what went wrong."""

    state: TaskState
    result: Mapping[str, Any] | None = None
    file: Mapping[str, Any] | None = None
    error: tuple[str, str] | None = None  # a code, and a sentence


def folder_of(user_id: UUID, task_id: UUID) -> str:
    """The folder of a task's files."""
    return f"{user_id}/tasks/{task_id}"


def renew(session: Session, lease: TaskLease) -> bool:
    """Keep the task, which is no change of it. Returns whether somebody has asked to cancel it. Raises TaskLost."""
    return held(session, lease, due_at=func.now() + lease.duration).cancel_requested


def count(session: Session, lease: TaskLease, total: int) -> None:
    """Write down how much there is to do. Raises TaskLost."""
    change(session, lease, total=total)


def page_done(session: Session, lease: TaskLease, page: Page) -> None:
    """Write down a page, in the transaction that did it. Raises TaskLost."""
    change(
        session,
        lease,
        cursor=dict(page.cursor),
        done=page.done,
        result=dict(page.result),
        attempts=0,
        due_at=func.now() + lease.duration,
    )


def put_back(
    session: Session,
    lease: TaskLease,
    pause: timedelta = AT_ONCE,
    *,
    error: tuple[str, str] | None = None,
) -> None:
    """Let any worker take the task, after a pause; at once, if it is only to be cancelled. Without an error this was no
    try at it. Raises TaskLost."""
    code, message = error or (None, None)
    tried = {} if error else {"attempts": func.greatest(0, Task.attempts - 1)}
    change(
        session,
        lease,
        worker_id=None,
        due_at=case((col(Task.cancel_requested), func.now()), else_=func.now() + pause),
        error_code=code,
        error_message=cut(message) if message else None,
        **tried,
    )


def end(session: Session, lease: TaskLease, ending: Ending) -> None:
    """End the task under its lease. Raises TaskLost."""
    change(session, lease, **how_it_ends(ending))
    if ending.state is not TaskState.COMPLETED:
        task = session.get_one(Task, lease.task_id)
        note(session, folder_of(task.user_id, task.id))


def how_it_ends(ending: Ending) -> dict[str, Any]:
    code, message = ending.error or (None, None)
    values = {
        "state": ending.state,
        "file": None if ending.file is None else dict(ending.file),
        "error_code": code,
        "error_message": cut(message) if message else None,
        "worker_id": None,
        "completed_at": func.now(),
        "expires_at": func.now() + KEPT,
    }
    return values if ending.result is None else {**values, "result": dict(ending.result)}


def change(session: Session, lease: TaskLease, **values: Any) -> None:
    """Change the task, for whoever looks at it."""
    ring_after_commit(session, held(session, lease, updated_at=func.now(), **values).user_id)


def held(session: Session, lease: TaskLease, **values: Any) -> HeldTask:
    """Write to the task that is held under the lease. Raises TaskLost."""
    statement = (
        update(Task)
        .where(*is_held(lease))
        .values(**values)
        .returning(col(Task.cancel_requested), col(Task.user_id))
        .execution_options(synchronize_session=False)
    )
    found = session.execute(statement).one_or_none()
    if found is None:
        raise TaskLost
    return HeldTask(*found)


def is_held(lease: TaskLease) -> tuple[ColumnElement[bool], ...]:
    return (
        col(Task.id) == lease.task_id,
        col(Task.claims) == lease.claim,
        col(Task.state) == TaskState.RUNNING,
        col(Task.worker_id).is_not(None),
    )


def ask_cancel(session: Session, task: Task) -> None:
    """Cancel a task, whose row the transaction holds: at once where no worker has it, else after its page."""
    now = database_time(session)
    ring_after_commit(session, task.user_id)
    if task.worker_id is not None and task.due_at > now:
        if not task.cancel_requested:
            task.cancel_requested, task.updated_at = True, now
        return
    for name, value in {**how_it_ends(Ending(TaskState.CANCELLED)), "updated_at": now}.items():
        setattr(task, name, value)
    note(session, folder_of(task.user_id, task.id))


def delete(session: Session, task: Task) -> str:
    """Delete a task. Returns its folder, noted to be removed."""
    folder = folder_of(task.user_id, task.id)
    note(session, folder)
    ring_after_commit(session, task.user_id)
    session.delete(task)
    return folder


def remove_expired(session: Session, limit: int) -> int:
    """Delete tasks that nobody needs any more. Their folders are noted to be removed. Returns how many."""
    ended = select(Task).where(col(Task.expires_at) <= func.now()).order_by(col(Task.expires_at)).limit(limit)
    found = session.exec(ended.with_for_update(skip_locked=True)).all()
    for task in found:
        delete(session, task)
    return len(found)


def open_tasks(session: Session, user_id: UUID) -> int:
    """How many tasks of a user have not ended."""
    is_open = (Task.user_id == user_id, col(Task.state).in_((TaskState.WAITING, TaskState.RUNNING)))
    return session.exec(select(func.count()).select_from(Task).where(*is_open)).one()

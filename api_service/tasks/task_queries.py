"""Tasks as the rows have them: found, listed, cancelled and deleted. Another user's is as one that is not there."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

import structlog
from sqlalchemy import Engine, tuple_
from sqlmodel import Session, col, select

from api_service.jobs.cursors import Cursors
from api_service.refusals.tasks import task_ended, task_has_no_file, task_not_ended, task_not_found
from shared.database.engine import reading
from shared.jobs.listing.page_range import Position
from shared.messaging.messenger import Messenger
from shared.models import Task, TaskKind, TaskState
from shared.storage.store import OutputStore
from shared.tasks import life

log = structlog.get_logger(__name__)

TASK_CURSORS = Cursors[UUID]("16s", lambda task_id: task_id.bytes, lambda packed: UUID(bytes=packed))


class TaskFilters(NamedTuple):
    """Tasks of that owner (None: everybody's), of any of these kinds and states; all of them, if none is given."""

    owner: UUID | None
    kinds: Sequence[TaskKind] = ()
    states: Sequence[TaskState] = ()


def find_task(engine: Engine, task_id: UUID, owner: UUID | None) -> Task:
    """A task of that owner, or of anybody for an admin. Raises Refusal: task_not_found."""
    with reading(engine) as session:
        return task_with(session, task_id, owner)


def task_with(session: Session, task_id: UUID, owner: UUID | None, *, hold: bool = False) -> Task:
    """Raises Refusal: task_not_found."""
    task = session.get(Task, task_id, with_for_update=hold)
    if task is None or owner not in {None, task.user_id}:
        raise task_not_found(task_id)
    return task


def page_of_tasks(engine: Engine, filters: TaskFilters, after: Position[UUID] | None, limit: int) -> Sequence[Task]:
    """Tasks, the newest first, after a position."""
    with reading(engine) as session:
        return newest_tasks(session, filters, limit, after)


def newest_tasks(
    session: Session, filters: TaskFilters, limit: int, after: Position[UUID] | None = None
) -> Sequence[Task]:
    found = select(Task)
    if filters.owner is not None:
        found = found.where(Task.user_id == filters.owner)
    if filters.kinds:
        found = found.where(col(Task.kind).in_(filters.kinds))
    if filters.states:
        found = found.where(col(Task.state).in_(filters.states))
    if after is not None:
        found = found.where(tuple_(col(Task.created_at), col(Task.id)) < tuple_(*after))
    return session.exec(found.order_by(col(Task.created_at).desc(), col(Task.id).desc()).limit(limit)).all()


def cancel_task(messenger: Messenger, task_id: UUID, owner: UUID | None) -> Task:
    """Cancel a task: at once, or once its worker hears of it. Asking twice is the same as asking once.

    Raises Refusal: task_not_found, task_ended.
    """
    with messenger.transaction() as session:
        task = task_with(session, task_id, owner, hold=True)
        if task.state.is_final and task.state is not TaskState.CANCELLED:
            raise task_ended(task.state)
        if not task.state.is_final:
            life.ask_cancel(session, task)
            session.flush()
            session.refresh(task)
    return task


def delete_task(messenger: Messenger, store: OutputStore, task_id: UUID, owner: UUID | None) -> None:
    """Delete a task that has ended, with its file. Raises Refusal: task_not_found, task_not_ended."""
    with messenger.transaction() as session:
        task = task_with(session, task_id, owner, hold=True)
        if not task.state.is_final:
            raise task_not_ended(task.state)
        folder = life.delete(session, task)
    try:
        store.remove(folder)
    except OSError as error:
        log.warning("folder.not_removed", folder=folder, error=str(error))


def find_file(engine: Engine, task_id: UUID, owner: UUID | None) -> dict[str, str]:
    """What there is to download: `path`, `filename`, `media_type`, `sha256`. Raises Refusal: task_not_found,
    task_has_no_file."""
    task = find_task(engine, task_id, owner)
    if task.file is None:
        raise task_has_no_file(task_id, task.state)
    return task.file

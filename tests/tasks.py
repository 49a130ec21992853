"""Tasks for tests, and a worker's part that does them, in this process."""

import threading
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import func, update
from sqlmodel import col, select

from shared.jobs.cancel import cancel_one
from shared.messaging.messenger import Messenger
from shared.models import Task, TaskKind, TaskState
from shared.storage.folder_store import FolderStore
from tests.jobs import LEASE, USER, submitted
from worker_service.media.pool import MediaPool
from worker_service.tasks.kinds import STEPS
from worker_service.tasks.turns.runner import TaskRunner
from worker_service.tasks.turns.turn import Step, TaskResources

NO_PAUSES = (timedelta(0),)


def ended(messenger: Messenger, **values: Any) -> int:
    """A job of USER that has ended: it was cancelled."""
    job_id = submitted(messenger, **values)
    with messenger.transaction() as session:
        cancel_one(session, job_id)
    return job_id


def asked(messenger: Messenger, kind: TaskKind, **values: Any) -> UUID:
    """A task of USER about their own jobs: all of them, unless it says which."""
    terms = values.pop("terms", {})
    facts: dict[str, Any] = {"user_id": USER, "parameters": {"all": True}, "terms": {"owner": str(USER), **terms}}
    with messenger.transaction() as session:
        task = Task(kind=kind, **(facts | values))
        session.add(task)
    return task.id


def task(messenger: Messenger, task_id: UUID) -> Task:
    with messenger.transaction() as session:
        return session.exec(select(Task).where(Task.id == task_id)).one()


def make_due(messenger: Messenger) -> None:
    """As if all leases had run out."""
    with messenger.transaction() as session:
        session.exec(update(Task).where(~col(Task.state).in_(FINAL_STATES)).values(due_at=func.now()))


FINAL_STATES = [state for state in TaskState if state.is_final]


def runner(messenger: Messenger, folder: Path, steps: Mapping[TaskKind, Step] = STEPS, **more: Any) -> TaskRunner:
    """What a worker process has, with a store in that folder. `more` are other resources."""
    return TaskRunner(
        "worker-1",
        LEASE,
        None,
        TaskResources(messenger, FolderStore(folder / "outputs"), **{"media": MediaPool(1), **more}),
        steps,
        threading.Event(),
        lambda: None,
        pauses=NO_PAUSES,
    )


def done(messenger: Messenger, folder: Path, task_id: UUID, **more: Any) -> Task:
    """The task, once turns have brought it to its end."""
    worker = runner(messenger, folder, **more)
    while not task(messenger, task_id).state.is_final:
        assert worker.run_one(), "it is not due"
    return task(messenger, task_id)

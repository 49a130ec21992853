"""What has become another than before among the tasks of a user, since a moment: looked for again and again.

A change is known by its moment, and a transaction may commit after one that began later. So each look goes back a
minute, and passes over what it has handed out.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Engine, and_, or_, tuple_
from sqlmodel import Session, col, select

from api_service.tasks.task_queries import TaskFilters, newest_tasks
from shared.database.clock import EPOCH, database_time
from shared.database.engine import reading
from shared.models import Task, TaskState
from shared.tasks.life import KEPT

FIRST = 100  # tasks that a list begins with
AT_ONCE = 100  # tasks of a look
WINDOW = 1000  # changes that are gone through at a time
MOST_KNOWN = 1000  # tasks whose end is noticed when they are deleted
LATE = timedelta(minutes=1)  # how long after its moment a change may be committed


class Change(NamedTuple):
    """When a task was changed for the last time."""

    updated_at: datetime
    id: UUID


class Changes(NamedTuple):
    """Tasks as they are, in the order of their last changes; and those that are gone."""

    tasks: Sequence[Task]
    gone: Sequence[UUID]


@dataclass
class TaskChanges:
    """Hands out what has changed of that owner's tasks (None: of everybody's) after `after`, each change once; first
    the newest tasks as they are, where that is None. `known` are the tasks that were handed out, as they were."""

    owner: UUID | None
    after: datetime | None
    known: dict[UUID, datetime] = field(default_factory=dict)

    def look(self, engine: Engine) -> Changes:
        """What is new, and perhaps not all of it: look again until there is nothing. Raises SQLAlchemyError."""
        with reading(engine) as session:
            gone = self.gone(session)
            if self.after is None:
                found: Sequence[Task] = sorted(
                    newest_tasks(session, TaskFilters(self.owner), FIRST), key=lambda task: task.updated_at
                )
                self.after = found[-1].updated_at if found else database_time(session)
            else:
                self.after = min(self.after, database_time(session))  # a client may claim what is yet to come
                found = self.changed(session)
        for task in found:
            self.known.pop(task.id, None)
            self.known[task.id] = task.updated_at
            self.after = max(self.after, task.updated_at)
        self.forget()
        return Changes(found, gone)

    def gone(self, session: Session) -> Sequence[UUID]:
        there = set(session.exec(select(Task.id).where(col(Task.id).in_(self.known))).all()) if self.known else set()
        gone = [task_id for task_id in self.known if task_id not in there]
        for task_id in gone:
            del self.known[task_id]
        return gone

    def changed(self, session: Session) -> Sequence[Task]:
        """The next that are others than they were known to be, the one that was changed first before the others."""
        position = Change(self.since, UUID(int=0))
        new: list[UUID] = []
        while len(new) < AT_ONCE:
            window = next_changes(session, self.owner, position)
            new += [change.id for change in window if self.known.get(change.id) != change.updated_at]
            if len(window) < WINDOW:
                break
            position = window[-1]
        if not new:
            return []
        found = session.exec(select(Task).where(col(Task.id).in_(new[:AT_ONCE]))).all()
        return sorted(found, key=lambda task: (task.updated_at, task.id))

    def forget(self) -> None:
        """Of those that no look finds again, the ones handed out last are enough."""
        for task_id in [*self.known][: max(0, len(self.known) - MOST_KNOWN)]:
            if self.known[task_id] < self.since:
                del self.known[task_id]

    @property
    def since(self) -> datetime:
        """Where a look begins."""
        return (self.after or EPOCH) - LATE


def next_changes(session: Session, owner: UUID | None, after: Change) -> Sequence[Change]:
    """The last changes of tasks after that one, in order."""
    found = select(Task.updated_at, Task.id).where(*changed_after(owner, after))
    in_order = found.order_by(col(Task.updated_at), col(Task.id)).limit(WINDOW)
    return [Change(*row) for row in session.exec(in_order)]


def changed_after(owner: UUID | None, after: Change) -> tuple[ColumnElement[bool], ...]:
    is_open = col(Task.state).in_((TaskState.WAITING, TaskState.RUNNING))
    # The last change of one that has ended is its end, and there is an index of when that is forgotten.
    has_ended = and_(col(Task.expires_at).is_not(None), col(Task.expires_at) >= after.updated_at + KEPT)
    mine = () if owner is None else (Task.user_id == owner,)
    return (*mine, or_(is_open, has_ended), tuple_(col(Task.updated_at), col(Task.id)) > tuple_(*after))

"""Which tasks are due, and taking one: those of a user only as many at a time as one may run.

While releases replace each other, a task may be of a kind that is new, or choose its jobs by what is new. It waits for
a worker that knows what is meant: one that does not takes others.
"""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial

from sqlalchemy import TextClause, text
from sqlmodel import Session, col, select

from shared.jobs.listing.filters import Filters
from shared.messaging.due_work import DueWork
from shared.messaging.messages import RunTask
from shared.messaging.messenger import ring_after_commit
from shared.models import Task, TaskKind

MOST_WOKEN = 10  # at a time: each that is woken takes what is due then

# A task that nobody has, or whose worker has been silent for as long as its lease was.
DUE = """task.state IN ('waiting', 'running') AND task.due_at <= now() AND (
    CAST(:running AS integer) IS NULL OR (
        SELECT count(*) FROM tasks AS other
        WHERE other.user_id = task.user_id AND other.state = 'running'
            AND other.worker_id IS NOT NULL AND other.due_at > now()
    ) < CAST(:running AS integer)
) AND task.kind = ANY(:known_kinds) AND CASE jsonb_typeof(task.parameters -> 'filter')
    WHEN 'object' THEN (task.parameters -> 'filter') - CAST(:known_filters AS text[]) = '{}' ELSE true END"""
KNOWN = {"known_kinds": [str(kind) for kind in TaskKind], "known_filters": sorted(Filters.model_fields)}
COUNT = text(f"SELECT count(*) FROM (SELECT 1 FROM tasks AS task WHERE {DUE} LIMIT :limit) AS found")  # noqa: S608 - ours
TAKE: TextClause = text(
    f"""
WITH due AS (
    SELECT id FROM tasks AS task WHERE {DUE}
    ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED
)
UPDATE tasks AS task
SET state = 'running', claims = task.claims + 1, attempts = task.attempts + 1, worker_id = :worker,
    due_at = now() + :lease, started_at = coalesce(task.started_at, now()), updated_at = now()
FROM due WHERE task.id = due.id RETURNING task.id
"""  # noqa: S608 - ours
)


def take(session: Session, worker_id: str, lease: timedelta, running: int | None) -> Task | None:
    """The task that has been due for longest, under a lease of its own. `running` is how many of a user may run."""
    given = {"worker": worker_id, "lease": lease, "running": running, **KNOWN}
    task_id = session.connection().execute(TAKE, given).scalar_one_or_none()
    if task_id is None:
        return None
    task = session.exec(select(Task).where(col(Task.id) == task_id)).one()
    ring_after_commit(session, task.user_id)
    return task


def due_tasks(running: int | None) -> DueWork:
    return DueWork(RunTask.queue, lambda _: RunTask(), partial(due, running=running))


def due(session: Session, limit: int, *, running: int | None) -> Sequence[int]:
    """A number for each of the first tasks that could be worked on now: which it is, whoever wakes up finds out."""
    found = session.connection().scalar(COUNT, {"limit": min(limit, MOST_WOKEN), "running": running, **KNOWN})
    return range(found or 0)

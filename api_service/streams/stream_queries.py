"""What streams read from the database: snapshots of jobs, and the events since then."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Engine, Integer, Row, cast, func, or_, union_all
from sqlalchemy import select as columns_of
from sqlmodel import Session, col, select

from api_service.jobs.job_queries import owned_job
from api_service.streams.catch_up import UserJob
from api_service.streams.watch import LATE
from shared.database.engine import transaction
from shared.messaging.events import Event
from shared.models import FINAL, GenerationJob, JobEvent, JobStatus

EVENTS_AT_ONCE = 1000
UNKNOWN_USER = UUID(int=0)  # of a job that was deleted

JOB_LINE = tuple(
    col(getattr(GenerationJob, name))
    for name in ("id", "user_id", "job_type", "status", "priority", "attempt", "events", "created_at", "started_at")
)


@dataclass(frozen=True)
class DatabaseRows:
    """The rows, for the relay. `run` does blocking work in a thread."""

    engine: Engine
    run: Callable[..., Any]

    async def events_since(self, known: Mapping[int, int]) -> tuple[Sequence[Event], bool]:
        events = await self.run(events_since, self.engine, known)
        now, deleted = await self.run(deleted_among, self.engine, known)
        return [*events, *(Event.deletion(job_id, UNKNOWN_USER, now) for job_id in deleted)], len(
            events
        ) == EVENTS_AT_ONCE

    async def jobs_since(self, users: Collection[UUID] | None, since: datetime) -> tuple[datetime, Sequence[UserJob]]:
        found: tuple[datetime, Sequence[UserJob]] = await self.run(jobs_since, self.engine, users, since)
        return found


def events_since(engine: Engine, known: Mapping[int, int]) -> Sequence[Event]:
    """The next events of several jobs, each after the sequence number that is known of it, in order."""
    jobs, sequences = (cast(list(numbers), ARRAY(Integer)) for numbers in (known.keys(), known.values()))
    asked = func.unnest(jobs, sequences).table_valued("job_id", "sequence").render_derived(name="asked")
    statement = (
        select(JobEvent, GenerationJob.user_id)
        .join(asked, col(JobEvent.job_id) == asked.c.job_id)
        .join(GenerationJob, col(GenerationJob.id) == asked.c.job_id)
        .where(col(JobEvent.sequence) > asked.c.sequence)
        .order_by(col(JobEvent.job_id), col(JobEvent.sequence))
        .limit(EVENTS_AT_ONCE)
    )
    with transaction(engine) as session:
        return [Event.from_row(row, user_id) for row, user_id in session.exec(statement)]


def deleted_among(engine: Engine, job_ids: Collection[int]) -> tuple[datetime, Collection[int]]:
    """The time, and those of these jobs that were deleted."""
    there = select(GenerationJob.id).where(col(GenerationJob.id).in_(job_ids))
    with transaction(engine) as session:
        now, found = moment(session), session.exec(there).all()
    return now, set(job_ids) - set(found)


def jobs_since(engine: Engine, users: Collection[UUID] | None, since: datetime) -> tuple[datetime, Sequence[UserJob]]:
    """The time, and the jobs of these users (None: of all) that were created since then, or shortly before, and had not
    ended by then. `created_at` is when a transaction began, so a job may appear later than it says."""
    statement = select(GenerationJob.id, GenerationJob.user_id, GenerationJob.completed_at).where(
        col(GenerationJob.created_at) > since - LATE,
        or_(col(GenerationJob.completed_at).is_(None), col(GenerationJob.completed_at) > since),
    )
    if users is not None:
        statement = statement.where(col(GenerationJob.user_id).in_(users))
    with transaction(engine) as session:
        now = moment(session)
        return now, [UserJob(*row) for row in session.exec(statement)]


def live_jobs(engine: Engine, user_id: UUID | None, limit: int) -> tuple[datetime, Sequence[Row[Any]]]:
    """The time, and the newest jobs of a user (None: of all) that have not ended. Each status has an index of its own,
    which leaves out the many that have ended."""
    newest_first = (col(GenerationJob.created_at).desc(), col(GenerationJob.id).desc())
    owned = () if user_id is None else (col(GenerationJob.user_id) == user_id,)
    each = union_all(
        *(
            columns_of(*JOB_LINE)
            .where(col(GenerationJob.status) == status, *owned)
            .order_by(*newest_first)
            .limit(limit)
            for status in JobStatus
            if status not in FINAL
        )
    ).subquery()
    statement = columns_of(each).order_by(each.c.created_at.desc(), each.c.id.desc()).limit(limit)
    with transaction(engine) as session:
        now = moment(session)
        return now, session.execute(statement).all()


def some_jobs(engine: Engine, job_ids: Collection[int], owner: UUID | None) -> Sequence[Row[Any]]:
    """Those of these jobs that exist and belong to the owner (None: to anybody)."""
    statement = columns_of(*JOB_LINE).where(col(GenerationJob.id).in_(job_ids)).order_by(col(GenerationJob.id))
    if owner is not None:
        statement = statement.where(col(GenerationJob.user_id) == owner)
    with transaction(engine) as session:
        return session.execute(statement).all()


def events_of(
    engine: Engine, job_id: int, owner: UUID | None, after: int
) -> tuple[GenerationJob, Sequence[Event]] | None:
    """A job, and its events after this sequence number, in order. None if the owner has no such job."""
    with transaction(engine) as session:
        job = owned_job(session, job_id, owner)
        if job is None:
            return None
        statement = select(JobEvent).where(JobEvent.job_id == job_id, col(JobEvent.sequence) > after)
        rows = session.exec(statement.order_by(col(JobEvent.sequence)))
        return job, [Event.from_row(row, job.user_id) for row in rows]


def moment(session: Session) -> datetime:
    """The time, before the snapshot of the next statement."""
    now: datetime = session.scalars(columns_of(func.clock_timestamp())).one()
    return now

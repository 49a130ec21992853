"""What happens to a job before a worker has it: it is accepted, put off, woken, or its deadline passes."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import func, update
from sqlalchemy.orm.attributes import set_committed_value
from sqlmodel import Session, col, select

from shared.jobs.insert import accept
from shared.jobs.lifecycle import record
from shared.jobs.transitions import move
from shared.messaging.after_commit import announce
from shared.messaging.events import Event
from shared.models import WAITING, EventType, GenerationJob, JobStatus


def submit(session: Session, job: GenerationJob) -> GenerationJob:
    """Record a job: queued, or pending while its `run_after` is yet to come. Its id and times are set on return."""
    submit_all(session, [job])
    return job


def submit_all(session: Session, jobs: Sequence[GenerationJob]) -> None:
    """Record several jobs as one, and their first events, in one statement. Their ids are in their order.

    They are told what they became, but are no part of the session.
    """
    now = datetime.now(UTC)
    for job in jobs:
        waits = job.run_after is not None and job.run_after > now
        learn(job, status=JobStatus.PENDING if waits else JobStatus.QUEUED, events=1)
    told = [{"run_after": str(job.run_after)} if job.status == JobStatus.PENDING else {} for job in jobs]
    for job, data, row in zip(jobs, told, accept(session, jobs, told), strict=True):
        learn(job, id=row.id, run_after=row.run_after, created_at=row.created_at, updated_at=row.updated_at)
        announce(session, Event.written(EventType(job.status), job, at=row.told_at, data=data))


def learn(job: GenerationJob, **values: Any) -> None:
    """Set what the database says."""
    for name, value in values.items():
        set_committed_value(job, name, value)


def defer(session: Session, job_id: int) -> GenerationJob | None:
    """The wake-up of a queued job could not be sent: the sweep will. None if a worker has it already."""
    return move(session, "defer", job_id, col(GenerationJob.attempt) == 0)


def wake(session: Session, job_ids: Sequence[int]) -> None:
    """Pending jobs whose time has come are queued."""
    for job_id in job_ids:
        if job := move(session, "wake", job_id):
            record(session, job, EventType.QUEUED)


def overdue(session: Session, limit: int) -> Sequence[int]:
    """Jobs that were never started, and whose deadline has passed."""
    passed = (col(GenerationJob.status).in_(WAITING), col(GenerationJob.deadline_at) <= func.now(), *NEVER_STARTED)
    return session.exec(select(GenerationJob.id).where(*passed).limit(limit)).all()


def expire(session: Session, job_ids: Sequence[int]) -> None:
    """Their deadline passed before they were started: they will not be."""
    for job_id in job_ids:
        if job := move(session, "expire", job_id, *NEVER_STARTED, completed_at=func.now()):
            record(session, job, EventType.EXPIRED)


def amend(session: Session, job_id: int, **values: Any) -> GenerationJob | None:
    """Change the priority or the metadata (`caller_metadata`) of a job that waits. None if it does not, any more."""
    statement = (
        update(GenerationJob)
        .where(col(GenerationJob.id) == job_id, col(GenerationJob.status).in_(WAITING))
        .values(updated_at=func.now(), **values)
        .returning(GenerationJob)
        .execution_options(synchronize_session=False, populate_existing=True)
    )
    return session.scalars(statement).one_or_none()


# A job that was put back after a failure has been started: no deadline takes that back.
NEVER_STARTED = (col(GenerationJob.started_at).is_(None), col(GenerationJob.deadline_at).is_not(None))

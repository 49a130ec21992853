"""What happens to a job before a worker has it: it is accepted, put off, woken, or its deadline passes."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, update
from sqlalchemy.orm.attributes import set_committed_value
from sqlmodel import Session, col, select

from shared.configuration.choices import IN_TURNS, Sharing
from shared.jobs.insert import insert_jobs
from shared.jobs.job_events import record_events, start_data
from shared.jobs.lanes.parking import fill_after
from shared.jobs.transitions import FRESH, is_one_of, transition
from shared.jobs.turns import give_back, give_turns, hold_lines
from shared.messaging.events import Event
from shared.messaging.messenger import publish_after_commit
from shared.models import WAITING, EventType, GenerationJob, JobStatus


def submit(session: Session, job: GenerationJob, *, sharing: Sharing = IN_TURNS) -> GenerationJob:
    """Record a job: queued, or pending if it has a `run_after`. Its id, turn and times are set on return."""
    submit_all(session, [job], sharing=sharing)
    return job


def submit_all(session: Session, jobs: Sequence[GenerationJob], *, sharing: Sharing = IN_TURNS) -> None:
    """Record several jobs as one, and their first events, in one statement. Their ids are in their order.

    What the database made of them is set in them, but they are no part of the session. `sharing` says how users
    share the servers, see `shared.jobs.turns`.
    """
    for job in jobs:
        waits = job.run_after is not None  # whether its time has come by now, the sweep finds out
        set_from_database(job, status=JobStatus.PENDING if waits else JobStatus.QUEUED, events=1)
    first = [start_data(job) if job.status == JobStatus.PENDING else {} for job in jobs]
    for job, data, added in zip(jobs, first, insert_jobs(session, jobs, first, sharing=sharing), strict=True):
        set_from_database(job, **added.columns)
        publish_after_commit(session, Event.written(EventType(job.status), job, at=added.now, data=data), job)


def set_from_database(job: GenerationJob, **values: Any) -> None:
    for name, value in values.items():
        set_committed_value(job, name, value)


def defer(session: Session, job_id: int) -> GenerationJob | None:
    """The wake-up of a queued job could not be sent: the sweep will. None if a worker has it already."""
    deferred = transition(session, "defer", [job_id], col(GenerationJob.attempt) == 0)
    return deferred[0] if deferred else None


def due_pending(session: Session, limit: int) -> Sequence[int]:
    """Pending jobs whose time has come."""
    due = (GenerationJob.status == JobStatus.PENDING, col(GenerationJob.run_after) <= func.now())
    return session.exec(select(GenerationJob.id).where(*due).order_by(col(GenerationJob.run_after)).limit(limit)).all()


def wake(session: Session, job_ids: Sequence[int], *, sharing: Sharing = IN_TURNS) -> None:
    """Queue those of these jobs that are pending: their time has come."""
    woken = transition(session, "wake", job_ids)
    give_turns(session, [job.id for job in woken], sharing=sharing)
    record_events(session, woken, EventType.QUEUED)


def overdue(session: Session, limit: int) -> Sequence[int]:
    """Jobs that were never started, and whose deadline has passed."""
    return session.exec(select(GenerationJob.id).where(*OVERDUE).limit(limit)).all()


def expire(session: Session, job_ids: Sequence[int]) -> None:
    """Their deadline passed before they were started: they will not be."""
    expired = transition(session, "expire", job_ids, *NEVER_STARTED, completed_at=func.now())
    give_back(session, expired)
    fill_after(session, expired)
    record_events(session, expired, EventType.EXPIRED)


def amend(
    session: Session, job_id: int, *, priority: int | None = None, sharing: Sharing = IN_TURNS, **values: Any
) -> GenerationJob | None:
    """Change the priority, or columns such as the metadata (`caller_metadata`), of a job that waits. None if it no
    longer does."""
    if priority is not None:
        reprioritize(session, [job_id], priority, sharing=sharing)
    statement = (
        update(GenerationJob)
        .where(col(GenerationJob.id) == job_id, col(GenerationJob.status).in_(WAITING))
        .values(updated_at=func.now(), **values)
        .returning(GenerationJob)
    )
    return session.scalars(statement, execution_options=FRESH).one_or_none()


def reprioritize(session: Session, job_ids: Sequence[int], priority: int, *, sharing: Sharing = IN_TURNS) -> None:
    """Give those of these jobs that wait another priority, and with it another turn. One that has it stays where it
    is."""
    ids = col(GenerationJob.id)
    waits = (is_one_of(job_ids), col(GenerationJob.status).in_(WAITING), col(GenerationJob.priority) != priority)
    moved = session.exec(select(GenerationJob).where(*waits).order_by(ids).with_for_update()).all()
    if not moved:
        return
    owners = {job.user_id for job in moved}
    hold_lines(session, {(job.user_id, job.priority) for job in moved} | {(owner, priority) for owner in owners})
    give_back(session, moved)
    found = [job.id for job in moved]
    values = {"priority": priority, "turn_cost": 0, "parked": False, "updated_at": func.now()}
    session.exec(update(GenerationJob).where(is_one_of(found)).values(**values).execution_options(**FRESH))
    give_turns(session, found, sharing=sharing)
    fill_after(session, moved)
    session.expire_all()


# A job that was put back after a failure has been started: no deadline takes that back.
NEVER_STARTED = (col(GenerationJob.started_at).is_(None), col(GenerationJob.deadline_at).is_not(None))
OVERDUE = (col(GenerationJob.status).in_(WAITING), col(GenerationJob.deadline_at) <= func.now(), *NEVER_STARTED)

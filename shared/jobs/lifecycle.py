"""What a worker makes of a job that it has, and what a cancel makes of any: transitions, with all they bring with them.

`shared.jobs.before_start` has what happens to a job before a worker has it. A worker writes under a lease: job and
attempt number. A worker that was given up for dead holds an old number: its writes change nothing and raise LeaseLost.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Integer, Interval, Row, bindparam, func, update
from sqlmodel import Session, col, select

from shared.database.prepared_statement import Prepared
from shared.jobs.errors import CancelRequested, GenerationError, LeaseLost
from shared.jobs.event_data import error_columns, error_facts, output_facts
from shared.jobs.start_and_complete import EVENT_DATA, STORED_BYTES, completing
from shared.jobs.statistics import count_ended
from shared.jobs.transitions import TRANSITIONS, move, transition
from shared.messaging.after_commit import announce, stage
from shared.messaging.events import Event
from shared.models import EventType, GenerationJob, JobAttempt, JobEvent, JobOutput, JobStatus, Outcome

# Under which lease, and how long ago ComfyUI was done.
JOB = bindparam("of_job", type_=Integer)
ATTEMPT = bindparam("of_attempt", type_=Integer)
STORING = bindparam("storing", type_=Interval)


class Lease(NamedTuple):
    """A worker's hold on a job. Every write of the worker names it."""

    job_id: int
    attempt: int


class AlreadySettled(Exception):
    """This very transition was made before, under this lease: its commit went through, and nobody heard of it."""


def generated(session: Session, lease: Lease) -> None:
    """ComfyUI is done with it, so that its slot is free for the next job; its outputs are yet to be stored."""
    facts = {JOB.key: lease.job_id, ATTEMPT.key: lease.attempt}
    if GENERATE.execute(session, facts).one_or_none() is None:
        raise refusal(session, "generate", lease)


def complete(session: Session, lease: Lease, outputs: Sequence[JobOutput], *, storing: timedelta = timedelta()) -> None:
    """The outputs are stored and verified, which took so long: say so, with their rows, in one transaction.

    Writes the job's row, its attempt, an event, the outputs, what the owner has stored, the statistics, and that its
    server does well.
    """
    data = {"outputs": [output_facts(output) for output in outputs]}
    facts = {
        JOB.key: lease.job_id,
        ATTEMPT.key: lease.attempt,
        STORING.key: storing,
        EVENT_DATA.key: data,
        STORED_BYTES.key: sum(output.size_bytes for output in outputs),
    }
    job = COMPLETE.execute(session, facts).one_or_none()
    if job is None:
        raise refusal(session, "complete", lease)
    session.add_all(outputs)
    session.flush()
    told(session, job, EventType.COMPLETED, data)


def fail(session: Session, lease: Lease, error: GenerationError) -> GenerationJob:
    """The job has failed for good."""
    facts = error_facts(error)
    job = held(
        session,
        "fail",
        lease,
        completed_at=func.now(),
        lease_expires_at=None,
        **error_columns(facts),
    )
    end_attempt(session, lease, Outcome.FAILED, error)
    record(session, job, EventType.FAILED, **facts)
    return job


def retry(session: Session, lease: Lease, error: GenerationError, outcome: Outcome, delay: timedelta) -> GenerationJob:
    """Queue the job again, to start after `delay`. With an outcome that leaves doubt it remembers its server."""
    job = held(
        session,
        "retry",
        lease,
        run_after=func.now() + delay,
        generated_at=None,
        retries=GenerationJob.retries + 1,
        worker_id=None,
        lease_expires_at=None,
        **({} if outcome.leaves_doubt else {"server": None}),
    )
    end_attempt(session, lease, outcome, error)
    record(session, job, EventType.QUEUED, **error_facts(error), run_after=str(job.run_after))
    return job


def release(session: Session, lease: Lease) -> None:
    """The worker stops and leaves the prompt to ComfyUI: the lease runs out now, and the next worker adopts the job.
    Without a worker's name it cannot be renewed, whatever its last heartbeat says."""
    still = [col(GenerationJob.id) == lease.job_id, col(GenerationJob.attempt) == lease.attempt]
    held_now = col(GenerationJob.status).in_([JobStatus.RUNNING, JobStatus.CANCELLING])
    session.exec(update(GenerationJob).where(*still, held_now).values(lease_expires_at=func.now(), worker_id=None))
    end_attempt(session, lease, Outcome.RELEASED)


def cancel(session: Session, job_id: int) -> GenerationJob | None:
    """Cancel a job: at once where no prompt of it can be alive, else `cancelling` until its worker says it is gone.

    Returns the job as it stands after that, unchanged if it had ended, or None if there is none. Asking twice
    is the same as asking once.
    """
    # Locked, so that nothing happens to it between these steps.
    found = session.get(GenerationJob, job_id, with_for_update=True, populate_existing=True)
    # Waiting ones, and those the former system left running: nobody holds them, and no server of ours has them.
    nowhere = col(GenerationJob.server).is_(None)
    if job := move(session, "drop", job_id, nowhere, completed_at=func.now()):
        record(session, job, EventType.CANCELLED)
    elif job := move(
        session,
        "cancel",
        job_id,
        # A job that waits with a prompt in doubt has no worker: let the next one take it over.
        lease_expires_at=func.coalesce(GenerationJob.lease_expires_at, func.now()),
    ):
        record(session, job, EventType.CANCELLING)
    return job or found


def confirm_cancel(session: Session, lease: Lease) -> GenerationJob:
    """Its prompt is neither queued nor running in ComfyUI any more."""
    job = held(session, "confirm_cancel", lease, completed_at=func.now(), lease_expires_at=None)
    end_attempt(session, lease, Outcome.CANCELLED)
    record(session, job, EventType.CANCELLED)
    return job


def is_held_under(attempt: Any) -> tuple[ColumnElement[bool], ...]:
    """What the job must be for whoever holds this attempt to change it."""
    return (col(GenerationJob.attempt) == attempt, col(GenerationJob.worker_id).is_not(None))


GENERATE = Prepared(
    "generate",
    transition(
        "generate", JOB, *is_held_under(ATTEMPT), generated_at=func.coalesce(GenerationJob.generated_at, func.now())
    ).returning(col(GenerationJob.id)),
    (col(GenerationJob.id),),
)
COMPLETE = completing(
    transition(
        "complete",
        JOB,
        *is_held_under(ATTEMPT),
        completed_at=func.now(),
        generated_at=func.coalesce(GenerationJob.generated_at, func.now() - STORING),
        lease_expires_at=None,
    )
)


def held(session: Session, deed: str, lease: Lease, **values: Any) -> GenerationJob:
    """Make a transition under a lease. Raises LeaseLost, CancelRequested or AlreadySettled, by what stands there."""
    if job := move(session, deed, lease.job_id, *is_held_under(lease.attempt), **values):
        return job
    raise refusal(session, deed, lease)


def refusal(session: Session, deed: str, lease: Lease) -> Exception:
    """Why a transition could not be made under this lease."""
    found = session.exec(
        select(GenerationJob.status, GenerationJob.attempt, GenerationJob.worker_id).where(
            GenerationJob.id == lease.job_id
        )
    ).one_or_none()
    match found:
        case (JobStatus.CANCELLING, lease.attempt, str()):
            return CancelRequested()
        case (status, lease.attempt, _) if status is TRANSITIONS[deed].target:
            return AlreadySettled()
    return LeaseLost()


def end_attempt(session: Session, lease: Lease, outcome: Outcome, error: GenerationError | None = None) -> None:
    facts = error_columns(error_facts(error)) if error else {}
    session.exec(
        update(JobAttempt)
        .where(
            col(JobAttempt.job_id) == lease.job_id,
            col(JobAttempt.attempt) == lease.attempt,
            col(JobAttempt.outcome).is_(None),
        )
        .values(outcome=outcome, ended_at=func.now(), **facts)
    )


def record(session: Session, job: GenerationJob, kind: EventType, **data: Any) -> None:
    """Write the event that the job's last transition counted."""
    row = JobEvent(job_id=job.id, sequence=job.events, type=kind, attempt=job.attempt, data=data)
    stage(session, row, user_id=job.user_id)
    if kind.is_final:
        count_ended(session, job)


def told(session: Session, job: GenerationJob | Row[Any], kind: EventType, data: dict[str, Any]) -> None:
    """As `record`, for an event that the transition's own statement wrote: see `shared.jobs.start_and_complete`."""
    announce(session, Event.written(kind, job, at=job.updated_at, data=data))
    if kind.is_final:
        count_ended(session, job)

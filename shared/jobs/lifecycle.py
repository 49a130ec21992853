"""What a worker does with a job that it has: transitions, each with all that belongs to it, in one transaction.

A worker writes under a lease: job and attempt number. A worker that was given up for dead holds an old number: its
writes change nothing and raise LeaseLost.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Integer, Interval, bindparam, func, update
from sqlmodel import Session, col, select

from shared.database.prepared_statement import Prepared
from shared.jobs.attempts import Lease, Prompt, end_attempt, set_attempt_prompt
from shared.jobs.errors import CancelRequested, GenerationError, LeaseLost
from shared.jobs.job_events import error_columns, error_data, output_data, publish_events, record_events, start_data
from shared.jobs.start_and_complete import EVENT_DATA, OUTPUTS, STORED_BYTES, WARNINGS, completing, output_values
from shared.jobs.transitions import TRANSITIONS, transition, transition_sql
from shared.jobs.turns import settle
from shared.jobs.warnings import JobWarning, warning_data
from shared.models import HELD, EventType, GenerationJob, JobOutput, JobStatus, Outcome
from shared.texts.failure_pattern import failure_of

# Under which lease, and for how long its outputs have been stored.
JOB_ID = bindparam("this_job", type_=Integer)
ATTEMPT = bindparam("this_attempt", type_=Integer)
STORING = bindparam("storing", type_=Interval)


class AlreadySettled(Exception):
    """This very transition was made before, under this lease: its commit went through, and nobody heard of it."""


def is_held_under(attempt: Any) -> tuple[ColumnElement[bool], ...]:
    """What the job must be for the holder of this attempt to change it."""
    return (col(GenerationJob.attempt) == attempt, col(GenerationJob.worker_id).is_not(None))


GENERATE = Prepared(
    "generate",
    transition_sql(
        "generate",
        col(GenerationJob.id) == JOB_ID,
        *is_held_under(ATTEMPT),
        generated_at=func.coalesce(GenerationJob.generated_at, func.now()),
    ).returning(col(GenerationJob.id)),
    row=int,
)
COMPLETE = completing(
    transition_sql(
        "complete",
        col(GenerationJob.id) == JOB_ID,
        *is_held_under(ATTEMPT),
        completed_at=func.now(),
        generated_at=func.coalesce(GenerationJob.generated_at, func.now() - STORING),
        lease_expires_at=None,
        warnings=WARNINGS,
    )
)


def generated(session: Session, lease: Lease) -> None:
    """ComfyUI is done with it, so its slot is free for the next job; its outputs are yet to be stored."""
    if GENERATE.one_or_none(session, {JOB_ID.key: lease.job_id, ATTEMPT.key: lease.attempt}) is None:
        raise refusal(session, "generate", lease)


def complete(
    session: Session,
    lease: Lease,
    outputs: Sequence[JobOutput],
    *,
    storing: timedelta = timedelta(),
    warnings: Sequence[JobWarning] = (),
) -> None:
    """The outputs are stored and verified, which took `storing`: record that with their rows, and what to know of them.

    Writes the job's row, its attempt, an event, the outputs, what the owner has stored, what webhooks are owed and the
    statistics, and closes its server's breaker.
    """
    told = warning_data(warnings)
    data = {"outputs": [output_data(output) for output in outputs], "warnings": told}
    values = {
        JOB_ID.key: lease.job_id,
        ATTEMPT.key: lease.attempt,
        STORING.key: storing,
        EVENT_DATA.key: data,
        STORED_BYTES.key: sum(output.size_bytes for output in outputs),
        WARNINGS.key: told,
        OUTPUTS.key: output_values(outputs),
    }
    job = COMPLETE.one_or_none(session, values)
    if job is None:
        raise refusal(session, "complete", lease)
    publish_events(session, [job], EventType.COMPLETED, data, has_listeners=job.has_listeners)


def fail(session: Session, lease: Lease, error: GenerationError) -> GenerationJob:
    """The job has failed for good."""
    data = error_data(error)
    columns = {**error_columns(data), "failure": failure_of(data)}
    job = transition_under_lease(session, "fail", lease, completed_at=func.now(), lease_expires_at=None, **columns)
    settle(session, job)
    end_attempt(session, lease, Outcome.FAILED, error)
    record_events(session, [job], EventType.FAILED, data)
    return job


def retry(session: Session, lease: Lease, error: GenerationError, outcome: Outcome, delay: timedelta) -> GenerationJob:
    """Queue the job again, to start after `delay`. With an outcome that leaves doubt it remembers its server."""
    return put_back(session, lease, error, outcome, run_after=func.now() + delay, retries=GenerationJob.retries + 1)


def wait_elsewhere(
    session: Session, lease: Lease, error: GenerationError, outcome: Outcome, delay: timedelta
) -> GenerationJob:
    """Queue the job again, whose prompt has waited for its turn in vain: no try is counted. The claim stays counted,
    so that this has an end."""
    return put_back(session, lease, error, outcome, run_after=func.now() + delay)


def put_back(session: Session, lease: Lease, error: GenerationError, outcome: Outcome, **values: Any) -> GenerationJob:
    job = transition_under_lease(
        session,
        "retry",
        lease,
        generated_at=None,
        storage_away_since=None,
        worker_id=None,
        lease_expires_at=None,
        **({} if outcome.leaves_doubt else {"server": None}),
        **values,
    )
    end_attempt(session, lease, outcome, error)
    record_events(session, [job], EventType.QUEUED, {**error_data(error), **start_data(job)})
    return job


def await_storage(session: Session, lease: Lease, error: GenerationError, delay: timedelta) -> GenerationJob:
    """Its result stays in ComfyUI while it cannot be stored: queue it to be collected after `delay`. That is no fault
    of the job, so its tries do not count it."""
    job = transition_under_lease(
        session,
        "await_storage",
        lease,
        run_after=func.now() + delay,
        generated_at=None,
        storage_away_since=func.coalesce(GenerationJob.storage_away_since, func.now()),
        claims_left=col(GenerationJob.claims_left) + 1,
        worker_id=None,
        lease_expires_at=None,
    )
    end_attempt(session, lease, Outcome.IN_DOUBT, error)
    record_events(session, [job], EventType.QUEUED, {**error_data(error), **start_data(job)})
    return job


def release(session: Session, lease: Lease) -> None:
    """The worker stops and leaves the prompt to ComfyUI: the lease runs out now, and the next worker adopts the job.
    Without a worker's name it cannot be renewed, whatever its last heartbeat says."""
    held = (col(GenerationJob.id) == lease.job_id, col(GenerationJob.status).in_(HELD), *is_held_under(lease.attempt))
    # Given back, so it was not used up.
    claims_left = col(GenerationJob.claims_left) + 1
    values = {"lease_expires_at": func.now(), "worker_id": None, "claims_left": claims_left}
    session.exec(update(GenerationJob).where(*held).values(**values))
    end_attempt(session, lease, Outcome.RELEASED)


def confirm_cancel(session: Session, lease: Lease) -> GenerationJob:
    """Its prompt is no longer queued or running in ComfyUI."""
    job = transition_under_lease(session, "confirm_cancel", lease, completed_at=func.now(), lease_expires_at=None)
    settle(session, job)
    end_attempt(session, lease, Outcome.CANCELLED)
    record_events(session, [job], EventType.CANCELLED)
    return job


def redirect(session: Session, lease: Lease, prompt: Prompt, *, adopted: bool) -> None:
    """Record that this attempt goes on with another prompt than it was claimed with. Raises LeaseLost."""
    transition_under_lease(session, "redirect", lease, server=prompt.server, comfyui_prompt_id=prompt.id)
    set_attempt_prompt(session, lease, prompt, adopted=adopted)


def transition_under_lease(session: Session, name: str, lease: Lease, **values: Any) -> GenerationJob:
    """Make a transition with the job of this lease. Raises LeaseLost, CancelRequested or AlreadySettled instead, by
    what the job's row says."""
    changed = transition(session, name, [lease.job_id], *is_held_under(lease.attempt), **values)
    if not changed:
        raise refusal(session, name, lease)
    return changed[0]


def refusal(session: Session, name: str, lease: Lease) -> Exception:
    """Why a transition could not be made under this lease."""
    found = session.exec(
        select(GenerationJob.status, GenerationJob.attempt, GenerationJob.worker_id).where(
            GenerationJob.id == lease.job_id
        )
    ).one_or_none()
    match found:
        case (JobStatus.CANCELLING, lease.attempt, str()):
            return CancelRequested()
        case (status, lease.attempt, _) if status is TRANSITIONS[name].target:
            return AlreadySettled()
    return LeaseLost()

"""A job with everything that is known of it: its place in the queue, its attempts, its outputs, its times."""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Engine
from sqlmodel import Session, col

from api_service.jobs.job_queries import READ_OUTPUTS, THESE_JOBS, THIS_JOB, job_as_of
from api_service.jobs.waiting.estimate import Estimate
from api_service.jobs.waiting.queue_estimate import QueuePosition, estimate_for, position_of
from api_service.refusals.jobs import job_not_found
from shared.database.engine import reading
from shared.database.prepared_rows import whole_rows
from shared.jobs.lanes.pauses import pause_over
from shared.models import WAITING, GenerationJob, JobAttempt, JobOutput, JobStatus, Pause

READ_ATTEMPTS = whole_rows(
    "read_attempts", JobAttempt, col(JobAttempt.job_id) == THIS_JOB, order=(col(JobAttempt.attempt),)
)


@dataclass(frozen=True)
class Details:
    job: GenerationJob
    version: str
    outputs: Sequence[JobOutput]
    attempts: Sequence[JobAttempt]
    place: QueuePosition | None
    estimate: Estimate
    pause: Pause | None


@dataclass(frozen=True)
class Placed:
    """A job with its outputs, and its place in the queue."""

    job: GenerationJob
    outputs: Sequence[JobOutput]
    place: QueuePosition | None


@dataclass(frozen=True)
class Unchanged:
    """A job of which the asker knows everything but its progress."""

    job: GenerationJob
    version: str


def details(engine: Engine, job_id: int, owner: UUID | None, *, running_jobs: int | None = None) -> Details:
    """A job of that owner, or of anybody for an admin. Raises Refusal: job_not_found.

    `running_jobs` is how many jobs of a user may run at once.
    """
    found = changed_details(engine, job_id, owner, (), running_jobs=running_jobs)
    assert isinstance(found, Details)
    return found


def changed_details(
    engine: Engine, job_id: int, owner: UUID | None, known: Collection[str], *, running_jobs: int | None = None
) -> Details | Unchanged:
    """As `details`, unless the asker knows the job's version. Raises Refusal: job_not_found."""
    with reading(engine) as session:
        read = job_as_of(session, job_id, owner)
        if read is None:
            raise job_not_found(job_id)
        job = read.row
        place = position_of(session, job, running_jobs)
        pause = pause_over(session, job.user_id) if job.status in WAITING else None
        version = version_of(job, place, pause)
        if version in known:
            return Unchanged(job, version)
        attempts = attempts_of(session, job)
        estimate = Estimate() if pause else estimate_for(session, read, place, attempts)
        return Details(job, version, outputs_of(session, job), attempts, place, estimate, pause)


def placed(engine: Engine, job_id: int, owner: UUID | None, *, running_jobs: int | None = None) -> Placed:
    """As `details`, without what takes longer to find out. Raises Refusal: job_not_found."""
    with reading(engine) as session:
        read = job_as_of(session, job_id, owner)
        if read is None:
            raise job_not_found(job_id)
        return Placed(read.row, outputs_of(session, read.row), position_of(session, read.row, running_jobs))


def version_of(job: GenerationJob, place: QueuePosition | None, pause: Pause | None) -> str:
    """Differs wherever a job, its place in the queue or what pauses it does. Another estimate alone is no change, nor
    is progress.

    Whatever writes to an attempt or an output of a job writes to its row too.
    """
    held = pause and (pause.paused_at, pause.reason)
    seen = (job.updated_at, job.status, job.attempt, job.events, job.comfyui_prompt_id, job.generated_at, place, held)
    return hashlib.blake2b(repr(seen).encode(), digest_size=12).hexdigest()


def outputs_of(session: Session, job: GenerationJob) -> Sequence[JobOutput]:
    if job.status != JobStatus.COMPLETED:
        return []
    return READ_OUTPUTS.all(session, {THESE_JOBS.key: [job.id]})


def attempts_of(session: Session, job: GenerationJob) -> Sequence[JobAttempt]:
    if not job.attempt:
        return []
    return READ_ATTEMPTS.all(session, {THIS_JOB.key: job.id})

"""A job with everything that is known of it: its place in the queue, its attempts, its outputs, its times."""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Engine
from sqlmodel import Session, col

from api_service.jobs.job_queries import READ_OUTPUTS, THESE_JOBS, THIS_JOB, job_as_of
from api_service.jobs.read_job import read_job
from api_service.jobs.waiting.estimate import Estimate
from api_service.jobs.waiting.hindrance import Hindrance, hindrance_of
from api_service.jobs.waiting.queue_estimate import QueuePosition, estimate_for, position_of, standing_of
from api_service.refusals.jobs import job_not_found
from shared.database.engine import reading
from shared.database.prepared_rows import whole_rows
from shared.jobs.lanes.pauses import pause_over
from shared.messaging.events import Event
from shared.messaging.messenger import Messenger
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
    hindrance: Hindrance | None


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
        found = read_job(session, job_id)
        if found is None or owner not in {None, found.read.row.user_id}:
            raise job_not_found(job_id)
        job = found.read.row
        place, lack = standing_of(session, job, running_jobs)
        pause = pause_over(session, job.user_id) if job.status in WAITING else None
        hindrance = hindrance_of(job, found.read.now, may_start=place is not None, lack=lack, pause=pause)
        version = version_of(job, place, pause, hindrance)
        if version in known:
            return Unchanged(job, version)
        attempts = [found.only_attempt] if found.only_attempt else attempts_of(session, job)
        is_held = pause or hindrance
        estimate = Estimate() if is_held else estimate_for(session, found.read, place, attempts, found.known)
        return Details(job, version, outputs_of(session, job), attempts, place, estimate, pause, hindrance)


def progress_of(messenger: Messenger, job: GenerationJob) -> Event | None:
    """The last progress of a running job. That of an earlier attempt says nothing about this one."""
    found = messenger.kept_progress(job.id) if job.status == JobStatus.RUNNING else None
    return found if found and found.attempt == job.attempt else None


def placed(engine: Engine, job_id: int, owner: UUID | None, *, running_jobs: int | None = None) -> Placed:
    """As `details`, without what takes longer to find out. Raises Refusal: job_not_found."""
    with reading(engine) as session:
        read = job_as_of(session, job_id, owner)
        if read is None:
            raise job_not_found(job_id)
        return Placed(read.row, outputs_of(session, read.row), position_of(session, read.row, running_jobs))


def details_and_progress(
    messenger: Messenger, job_id: int, owner: UUID | None, known: Collection[str], *, running_jobs: int | None
) -> tuple[Details | Unchanged, Event | None]:
    """As `changed_details`, and how far the job is: both in one thread, which costs as much as a statement."""
    found = changed_details(messenger.engine, job_id, owner, known, running_jobs=running_jobs)
    return found, progress_of(messenger, found.job)


def placed_and_progress(
    messenger: Messenger, job_id: int, owner: UUID | None, *, running_jobs: int | None
) -> tuple[Placed, Event | None]:
    """As `placed`, and how far the job is."""
    found = placed(messenger.engine, job_id, owner, running_jobs=running_jobs)
    return found, progress_of(messenger, found.job)


def version_of(
    job: GenerationJob, place: QueuePosition | None, pause: Pause | None, hindrance: Hindrance | None
) -> str:
    """Differs wherever a job, its place in the queue or what it waits for does. Another estimate alone is no change,
    nor is progress.

    Whatever writes to an attempt or an output of a job writes to its row too.
    """
    held = (pause and (pause.paused_at, pause.reason), hindrance)
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

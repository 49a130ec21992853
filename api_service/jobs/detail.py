"""A job with everything that is known of it: its place in the queue, its attempts, its outputs, its times."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Engine
from sqlmodel import Session, col, select

from api_service.jobs.job_queries import owned_job
from api_service.jobs.queue_estimate import Estimate, QueuePosition, estimate_for, position_of
from api_service.refusals.jobs import job_not_found
from shared.database.engine import transaction
from shared.models import GenerationJob, JobAttempt, JobOutput, JobStatus


@dataclass(frozen=True)
class Details:
    job: GenerationJob
    outputs: Sequence[JobOutput]
    attempts: Sequence[JobAttempt]
    place: QueuePosition | None
    estimate: Estimate


def details(engine: Engine, job_id: int, owner: UUID | None, *, running_jobs: int | None = None) -> Details:
    """A job of that owner, or of anybody for an admin. Raises Refusal: job_not_found.

    `running_jobs` is how many jobs of a user may run at once.
    """
    with transaction(engine) as session:
        job = owned_job(session, job_id, owner)
        if job is None:
            raise job_not_found(job_id)
        place = position_of(session, job, running_jobs)
        return Details(
            job,
            outputs_of(session, job),
            attempts_of(session, job),
            place,
            estimate_for(session, job, place),
        )


def outputs_of(session: Session, job: GenerationJob) -> Sequence[JobOutput]:
    if job.status != JobStatus.COMPLETED:
        return []
    return session.exec(select(JobOutput).where(JobOutput.job_id == job.id).order_by(col(JobOutput.number))).all()


def attempts_of(session: Session, job: GenerationJob) -> Sequence[JobAttempt]:
    if not job.attempt:
        return []
    return session.exec(select(JobAttempt).where(JobAttempt.job_id == job.id).order_by(col(JobAttempt.attempt))).all()

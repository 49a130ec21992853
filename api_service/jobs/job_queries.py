"""Jobs and their outputs as the rows have them: each question is one transaction."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import Engine
from sqlmodel import Session, col, select

from api_service.refusals.jobs import job_not_found, output_not_found
from shared.database.engine import transaction
from shared.jobs.urls import number_in
from shared.models import GenerationJob, JobOutput

JobWithOutputs = tuple[GenerationJob, Sequence[JobOutput]]


def owned_job(session: Session, job_id: int, owner: UUID | None, *, lock: bool = False) -> GenerationJob | None:
    """A job of that owner, or of anybody for an admin; None for another's, as for one that is not there."""
    job = session.get(GenerationJob, job_id, with_for_update=lock)
    return job if job and owner in {None, job.user_id} else None


def find_job(engine: Engine, job_id: int, owner: UUID | None) -> GenerationJob | None:
    """A job of that owner, or of anybody for an admin."""
    with transaction(engine) as session:
        return owned_job(session, job_id, owner)


def find_job_with_outputs(engine: Engine, job_id: int, owner: UUID | None) -> JobWithOutputs | None:
    """A job, and its outputs in their order."""
    with transaction(engine) as session:
        job = owned_job(session, job_id, owner)
        if job is None:
            return None
        outputs = select(JobOutput).where(JobOutput.job_id == job_id).order_by(col(JobOutput.number))
        return job, session.exec(outputs).all()


def outputs_of(session: Session, job_ids: Collection[int]) -> dict[int, list[JobOutput]]:
    """The outputs of several jobs, each in their order."""
    found: defaultdict[int, list[JobOutput]] = defaultdict(list)
    rows = select(JobOutput).where(col(JobOutput.job_id).in_(job_ids))
    for row in session.exec(rows.order_by(col(JobOutput.job_id), col(JobOutput.number))):
        found[row.job_id].append(row)
    return found


def find_output(engine: Engine, job_id: int, number: str, owner: UUID | None) -> JobOutput:
    """One output of a job. Raises Refusal: job_not_found; output_not_found, also for what is no number."""
    with transaction(engine) as session:
        if owned_job(session, job_id, owner) is None:
            raise job_not_found(job_id)
        wanted = number_in(number)
        output = None if wanted is None else session.get(JobOutput, (job_id, wanted))
    if output is None:
        raise output_not_found(job_id, number)
    return output

"""Jobs and their outputs as the rows have them: each question is one transaction."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import ARRAY, Engine, Integer, any_, bindparam
from sqlmodel import Session, col

from api_service.refusals.jobs import job_not_found, output_not_found
from shared.database.engine import reading
from shared.database.prepared_rows import AsOf, row_as_of, whole_rows
from shared.jobs.urls import number_in
from shared.models import GenerationJob, JobOutput

JobWithOutputs = tuple[GenerationJob, Sequence[JobOutput]]

THIS_JOB = bindparam("this_job", type_=Integer)
THESE_JOBS = bindparam("these_jobs", type_=ARRAY(Integer))


READ_JOB = row_as_of("read_job", GenerationJob, col(GenerationJob.id) == THIS_JOB)
READ_OUTPUTS = whole_rows(
    "read_outputs",
    JobOutput,
    col(JobOutput.job_id) == any_(THESE_JOBS),
    order=(col(JobOutput.job_id), col(JobOutput.number)),
)


def job_as_of(session: Session, job_id: int, owner: UUID | None) -> AsOf[GenerationJob] | None:
    """As `owned_job`, for those who change nothing: it belongs to no session."""
    found = READ_JOB.one_or_none(session, {THIS_JOB.key: job_id})
    return found if found and owner in {None, found.row.user_id} else None


def owned_job(session: Session, job_id: int, owner: UUID | None, *, lock: bool = False) -> GenerationJob | None:
    """A job of that owner, or of anybody for an admin; None for another's, as for one that is not there."""
    job = session.get(GenerationJob, job_id, with_for_update=lock)
    return job if job and owner in {None, job.user_id} else None


def find_job(engine: Engine, job_id: int, owner: UUID | None) -> GenerationJob | None:
    """A job of that owner, or of anybody for an admin."""
    with reading(engine) as session:
        found = job_as_of(session, job_id, owner)
        return found and found.row


def find_job_with_outputs(engine: Engine, job_id: int, owner: UUID | None) -> JobWithOutputs | None:
    """A job, and its outputs in their order."""
    with reading(engine) as session:
        found = job_as_of(session, job_id, owner)
        return found and (found.row, READ_OUTPUTS.all(session, {THESE_JOBS.key: [job_id]}))


def outputs_of(session: Session, job_ids: Collection[int]) -> dict[int, list[JobOutput]]:
    """The outputs of several jobs, each in their order."""
    found: defaultdict[int, list[JobOutput]] = defaultdict(list)
    for row in READ_OUTPUTS.all(session, {THESE_JOBS.key: list(job_ids)}):
        found[row.job_id].append(row)
    return found


def find_output(engine: Engine, job_id: int, number: str, owner: UUID | None) -> JobOutput:
    """One output of a job. Raises Refusal: job_not_found; output_not_found, also for what is no number."""
    with reading(engine) as session:
        if job_as_of(session, job_id, owner) is None:
            raise job_not_found(job_id)
        wanted = number_in(number)
        output = None if wanted is None else session.get(JobOutput, (job_id, wanted))
    if output is None:
        raise output_not_found(job_id, number)
    return output

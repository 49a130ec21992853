"""A job is read with what most jobs that are asked for have once: the attempt, and how long such jobs took there."""

from typing import Any, NamedTuple, Self

from sqlalchemy import and_, func, select
from sqlmodel import Session, col

from api_service.jobs.job_queries import THIS_JOB
from shared.database.prepared_rows import AsOf, columns_of, made_of
from shared.database.prepared_statement import Prepared
from shared.jobs.durations.expectation import Known
from shared.models import GenerationJob, JobAttempt, JobDuration, JobStatus

JOB, ATTEMPT = columns_of(GenerationJob), columns_of(JobAttempt)
KNOWN = (col(JobDuration.work), col(JobDuration.seconds))
AN_ATTEMPT, A_DURATION = len(JOB), len(JOB) + len(ATTEMPT)

job_of_row, attempt_of_row = made_of(GenerationJob), made_of(JobAttempt)


class JobRead(NamedTuple):
    """A job as it was at that time of the database, with its attempt if it has had a single one, and with what is known
    of its kind on the server that runs it."""

    read: AsOf[GenerationJob]
    only_attempt: JobAttempt | None
    known: Known | None

    @classmethod
    def of_row(cls, *row: Any) -> Self:
        attempt, known = row[AN_ATTEMPT:A_DURATION], row[A_DURATION:-1]
        return cls(
            AsOf(job_of_row(*row[:AN_ATTEMPT]), row[-1]),
            None if attempt[0] is None else attempt_of_row(*attempt),
            None if known[0] is None else Known(*known),
        )


# Several attempts are asked for by themselves: each would bring the job along, and its workflow may be long.
ONLY_ATTEMPT = and_(
    col(JobAttempt.job_id) == col(GenerationJob.id), col(JobAttempt.attempt) == 1, col(GenerationJob.attempt) == 1
)
THERE = and_(
    col(JobDuration.workflow_key) == col(GenerationJob.workflow_key),
    col(JobDuration.server) == col(GenerationJob.server),
    col(GenerationJob.status) == JobStatus.RUNNING,
)
NOW = func.now().label("now")
READ = Prepared(
    "read_job_with_attempt",
    select(*JOB, *ATTEMPT, *KNOWN, NOW)
    .select_from(GenerationJob)
    .outerjoin(JobAttempt, ONLY_ATTEMPT)
    .outerjoin(JobDuration, THERE)
    .where(col(GenerationJob.id) == THIS_JOB),
    row=JobRead.of_row,
    columns=(*JOB, *ATTEMPT, *KNOWN, NOW),
)


def read_job(session: Session, job_id: int) -> JobRead | None:
    return READ.one_or_none(session, {THIS_JOB.key: job_id})

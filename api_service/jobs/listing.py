"""What a list shows of its jobs, and of the first output of each."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Engine, Row, func, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlmodel import Session, col

from shared.database.engine import transaction
from shared.jobs.listing.filters import Filters
from shared.jobs.listing.page_range import PageRange
from shared.jobs.listing.pages import page
from shared.jobs.listing.search import search
from shared.models import GenerationJob, JobOutput

SHOWN = 500  # characters of a prompt or an error in a list

LISTED: tuple[Any, ...] = (
    col(GenerationJob.id),
    col(GenerationJob.user_id),
    col(GenerationJob.job_type),
    col(GenerationJob.status),
    func.left(GenerationJob.prompt, SHOWN).label("prompt"),
    col(GenerationJob.checkpoint_model),
    col(GenerationJob.width),
    col(GenerationJob.height),
    col(GenerationJob.batch_size),
    col(GenerationJob.priority),
    col(GenerationJob.pinned),
    col(GenerationJob.caller_metadata).label("metadata"),
    col(GenerationJob.batch_id),
    col(GenerationJob.schedule_id),
    col(GenerationJob.parent_id),
    col(GenerationJob.created_at),
    col(GenerationJob.updated_at),
    col(GenerationJob.started_at),
    col(GenerationJob.completed_at),
    col(GenerationJob.error_code),
    func.left(GenerationJob.error_message, SHOWN).label("error_message"),
)
# The first output of a job, and how many it has.
FIRST_OUTPUT = (
    select(
        col(JobOutput.job_id),
        col(JobOutput.number),
        col(JobOutput.kind),
        col(JobOutput.media_type),
        col(JobOutput.thumbnails),
        func.count().over(partition_by=col(JobOutput.job_id)).label("outputs"),
    )
    .ext(distinct_on(col(JobOutput.job_id)))
    .order_by(col(JobOutput.job_id), col(JobOutput.number))
)


def read_page(
    engine: Engine, filters: Filters, page_range: PageRange
) -> tuple[Sequence[Row[Any]], dict[int, Row[Any]]]:
    """The jobs of a page, and the first output of each that has any."""
    with transaction(engine) as session:
        jobs = jobs_of(session, filters, page_range)
        return jobs, first_outputs(session, [job.id for job in jobs])


def read_jobs(engine: Engine, filters: Filters, page_range: PageRange) -> Sequence[Row[Any]]:
    """The jobs of a page alone."""
    with transaction(engine) as session:
        return jobs_of(session, filters, page_range)


def jobs_of(session: Session, filters: Filters, page_range: PageRange) -> Sequence[Row[Any]]:
    """The jobs of a page, with the columns of LISTED."""
    jobs = select(*LISTED).order_by(*page_range.order(GenerationJob))
    if filters.says_something_of_contents:
        return session.execute(jobs.where(col(GenerationJob.id).in_(search(session, filters, page_range)))).all()
    found = page(filters, filters.statuses, page_range).subquery("page")
    return session.execute(jobs.join(found, found.c.id == col(GenerationJob.id))).all()


def first_outputs(session: Session, job_ids: Sequence[int]) -> dict[int, Row[Any]]:
    """The first output of each of these jobs that has any, by job."""
    if not job_ids:
        return {}
    rows = session.execute(FIRST_OUTPUT.where(col(JobOutput.job_id).in_(job_ids))).all()
    return {row.job_id: row for row in rows}

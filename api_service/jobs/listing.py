"""A page of jobs costs the same wherever it is: each is read from an index, from where the one before it ended."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Engine, Row, Select, func, lateral, select, true, union_all
from sqlalchemy.dialects.postgresql import distinct_on
from sqlmodel import Session, col

from api_service.jobs.filters import Filters
from api_service.jobs.page_range import PageRange, within
from api_service.jobs.search import search
from shared.database.engine import transaction
from shared.models import GenerationJob, JobOutput, JobStatus, User

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


def page(filters: Filters, statuses: Sequence[JobStatus], page_range: PageRange) -> Select[*tuple[Any, ...]]:
    """The numbers of a page's jobs: `id` and `created_at`, in order.

    Each status is read from its own part of an index, and so is each user where everybody's are asked for: the few
    rows that each of them gives are sorted, never all that there are.
    """
    each_user = page_range.owner is None and not filters.has_index_of_its_own and chosen_by_user(filters, statuses)
    parts = [part(filters, status, page_range, of_each_user=each_user) for status in (statuses or (None,))]
    if len(parts) == 1 and not each_user:
        return parts[0]
    together = (union_all(*(one.subquery().select() for one in parts)) if len(parts) > 1 else parts[0]).subquery(
        "parts"
    )
    created_at, job_id = together.c.created_at, together.c.id
    newest_first = (created_at, job_id) if page_range.ascending else (created_at.desc(), job_id.desc())
    return select(job_id, created_at).order_by(*newest_first).limit(page_range.limit)


def chosen_by_user(filters: Filters, statuses: Sequence[JobStatus]) -> bool:
    """Whether an index that begins with the user finds the jobs, and none other does."""
    return bool(statuses) or filters.type is not None or filters.checkpoint is not None


def part(
    filters: Filters, status: JobStatus | None, page_range: PageRange, *, of_each_user: bool
) -> Select[*tuple[Any, ...]]:
    wanted = [*filters.conditions(GenerationJob), *within(page_range)]
    if status is not None:
        wanted.append(col(GenerationJob.status) == status)
    if of_each_user:
        wanted.append(col(GenerationJob.user_id) == col(User.id))
    found = (
        select(col(GenerationJob.id), col(GenerationJob.created_at))
        .where(*wanted)
        .order_by(*page_range.order(GenerationJob))
    )
    found = found.limit(page_range.limit)
    if not of_each_user:
        return found
    theirs = lateral(found.correlate(User), name="theirs")
    return select(theirs.c.id, theirs.c.created_at).select_from(User).join(theirs, true())

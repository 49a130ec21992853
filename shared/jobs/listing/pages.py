"""A page of jobs costs the same wherever it is: each is read from an index, from where the one before it ended."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, lateral, select, true, union_all
from sqlmodel import col

from shared.jobs.listing.filters import Filters
from shared.jobs.listing.page_range import PageRange, within
from shared.models import GenerationJob, JobStatus, User


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
    given = (filters.type, filters.checkpoint, filters.failure)
    return bool(statuses or filters.pinned) or any(one is not None for one in given)


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

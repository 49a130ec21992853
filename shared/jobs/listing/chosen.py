"""Jobs that work is done on: those that match a filter, or of a list, in the order in which they were accepted."""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Row, func, select
from sqlmodel import Session, col

from shared.jobs.listing.filters import Filters
from shared.jobs.listing.page_range import PageRange, Position, within
from shared.jobs.listing.pages import page
from shared.jobs.listing.search import search
from shared.jobs.transitions import is_one_of
from shared.models import GenerationJob


class Chosen(NamedTuple):
    """Jobs of that owner (None: anybody's): those with these `ids`, or else those that match."""

    owner: UUID | None
    filters: Filters
    ids: Sequence[int] | None = None


def next_jobs(
    session: Session, chosen: Chosen, after: Position[int] | None, limit: int
) -> Sequence[Row[tuple[Any, ...]]]:
    """The next of them, with `id` and `created_at`."""
    page_range = PageRange(chosen.owner, limit, after, ascending=True)
    if chosen.ids is None and not chosen.filters.says_something_of_contents:
        return session.execute(page(chosen.filters, chosen.filters.statuses, page_range)).all()
    found = select(col(GenerationJob.id), col(GenerationJob.created_at))
    if chosen.ids is None:
        found = found.where(is_one_of(search(session, chosen.filters, page_range)))
    else:
        found = found.where(is_one_of(chosen.ids), *within(page_range))
    return session.execute(found.order_by(*page_range.order(GenerationJob)).limit(limit)).all()


def count(session: Session, chosen: Chosen) -> int:
    """How many there are; of a list as many as it names, whether they are there or not."""
    if chosen.ids is not None:
        return len(chosen.ids)
    filters = chosen.filters
    wanted = [*filters.conditions(GenerationJob), *within(PageRange(chosen.owner, 0))]
    if filters.statuses:
        wanted.append(col(GenerationJob.status).in_(filters.statuses))
    return int(session.execute(select(func.count()).select_from(GenerationJob).where(*wanted)).scalar_one())

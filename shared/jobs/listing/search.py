"""Jobs found by what their prompt or metadata says: the common among the next few thousand, the rare by their index.

Whether a word is common cannot be known beforehand. PostgreSQL's guess for a rare one may be off by orders of
magnitude, and then it reads a million prompts in order, for one page. So the next jobs are looked through first, and
only a page that they do not fill is made of all that the index finds, which are few then.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, literal_column, select
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from shared.jobs.listing.filters import Filters
from shared.jobs.listing.page_range import PageRange, within
from shared.models import GenerationJob

LOOKED_THROUGH = 5000


def search(session: Session, filters: Filters, page_range: PageRange) -> Sequence[int]:
    """The numbers of a page's jobs."""
    near = session.scalars(nearby(filters, page_range)).all()
    return near if len(near) == page_range.limit else session.scalars(everywhere(filters, page_range)).all()


def nearby(filters: Filters, page_range: PageRange) -> Select[*tuple[Any, ...]]:
    """Those among the next jobs of the list, whatever they say."""
    next_jobs = select(GenerationJob).where(*within(page_range)).order_by(*page_range.order(GenerationJob))
    near = aliased(GenerationJob, next_jobs.limit(LOOKED_THROUGH).subquery("next_jobs"))
    wanted = [*filters.conditions(near), *among(filters, near)]
    return select(col(near.id)).where(*wanted).order_by(*page_range.order(near)).limit(page_range.limit)


def everywhere(filters: Filters, page_range: PageRange) -> Select[*tuple[Any, ...]]:
    """Those among all jobs: found first, then put in order. The order is written so that no index offers it."""
    wanted = [*filters.conditions(GenerationJob), *among(filters, GenerationJob), *within(page_range)]
    nothing: Any = literal_column("interval '0'")
    moment: Any = col(GenerationJob.created_at) + nothing
    number: Any = col(GenerationJob.id)
    in_order = (moment, number) if page_range.ascending else (moment.desc(), number.desc())
    return select(col(GenerationJob.id)).where(*wanted).order_by(*in_order).limit(page_range.limit)


def among(filters: Filters, of: Any) -> list[Any]:
    return [col(of.status).in_(filters.statuses)] if filters.statuses else []

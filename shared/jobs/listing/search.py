"""Jobs found by what is in them: the common among the next few thousand, the rare by their index.

Whether a word is common cannot be known beforehand. PostgreSQL's guess for a rare one may be off by orders of
magnitude, and then it reads a million prompts in order, for one page. So the next jobs are looked through first. Where
they do not fill a page, they say in how many days one is filled, and the index finds what is in those days. Only what
is so rare that these are many is found wherever it is, and put in order.
"""

import math
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, literal_column, select
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from shared.jobs.listing.filters import Filters
from shared.jobs.listing.marks import marked, number_of
from shared.jobs.listing.page_range import PageRange, within
from shared.models import GenerationJob

LOOKED_THROUGH = 5000
A_DAY = timedelta(days=1)
SPARE = 1.5  # times the days in which a page is expected
MORE = 4  # times as many are looked at next, where it was not found there
MOST_DAYS = 64  # each is looked for by itself


def search(session: Session, filters: Filters, page_range: PageRange) -> Sequence[int]:
    """The numbers of a page's jobs."""
    near = session.execute(nearby(filters, page_range)).all()
    if len(near) == page_range.limit:
        return [job.id for job in near]
    for days in spans([job.created_at for job in near], page_range):
        found = session.scalars(everywhere(filters, page_range, days)).all()
        if len(found) == page_range.limit:
            return found
    return session.scalars(everywhere(filters, page_range)).all()


def nearby(filters: Filters, page_range: PageRange) -> Select[*tuple[Any, ...]]:
    """Those among the next jobs of the list, whatever is in them."""
    next_jobs = select(GenerationJob).where(*within(page_range), *filters.times(GenerationJob))
    in_order = next_jobs.order_by(*page_range.order(GenerationJob)).limit(LOOKED_THROUGH)
    near = aliased(GenerationJob, in_order.subquery("next_jobs"))
    wanted = [*filters.conditions(near), *among(filters, near)]
    found = select(col(near.id), col(near.created_at)).where(*wanted)
    return found.order_by(*page_range.order(near)).limit(page_range.limit)


def spans(near: Sequence[datetime], page_range: PageRange) -> Iterator[Sequence[int]]:
    """The numbers of days from the first job on, as many as a page may want if others are as far apart as these; then
    more. None if that cannot be told."""
    if len(near) <= 1:
        return
    apart = abs(near[-1] - near[0]) / (len(near) - 1)
    days = math.ceil(apart * page_range.limit * SPARE / A_DAY) + 1
    first, step = number_of(near[0]), 1 if page_range.ascending else -1
    while days <= MOST_DAYS:
        yield range(first, first + days * step, step)
        days *= MORE


def everywhere(filters: Filters, page_range: PageRange, days: Sequence[int] | None = None) -> Select[*tuple[Any, ...]]:
    """Those among all jobs, or all of some days: found first, then put in order. The order is written so that no index
    offers it."""
    wanted = [*filters.conditions(GenerationJob), *among(filters, GenerationJob), *within(page_range)]
    nothing: Any = literal_column("interval '0'")
    moment: Any = col(GenerationJob.created_at) + nothing
    number: Any = col(GenerationJob.id)
    in_order = (moment, number) if page_range.ascending else (moment.desc(), number.desc())
    found = select(number).where(*wanted, *marked(page_range.owner, days))
    return found.order_by(*in_order).limit(page_range.limit)


def among(filters: Filters, of: Any) -> list[Any]:
    return [col(of.status).in_(filters.statuses)] if filters.statuses else []

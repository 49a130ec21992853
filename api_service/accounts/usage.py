"""What was used over a range of days, added up by what the caller names, exact at any time."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, timedelta
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Engine, Row, func, select

from shared.database.clock import database_time
from shared.database.engine import transaction
from shared.models import UsageDay
from shared.usage.days import USED

LONGEST = timedelta(days=366)
MOST_ROWS = 10_000


class UsagePart(StrEnum):
    """What usage can be added up by."""

    DAY = "day"
    USER = "user"
    KEY = "key"
    CHECKPOINT = "checkpoint"
    SERVER = "server"

    @property
    def column(self) -> str:
        return {"user": "user_id", "key": "key_id"}.get(self, self.value)


class AskedUsage(NamedTuple):
    """Which days, of whom (None: everybody), with which values of parts, and added up by which parts."""

    first_day: date | None
    last_day: date | None
    owner: UUID | None
    only: Mapping[UsagePart, str]
    by: Sequence[UsagePart]


class FoundUsage(NamedTuple):
    """The days that were meant, and rows of `by` and `UsageDay.COUNTS`: one more than MOST_ROWS where there are more
    than one answer may have."""

    first_day: date
    last_day: date
    rows: Sequence[Row[Any]]


def usage_between(engine: Engine, asked: AskedUsage) -> FoundUsage:
    with transaction(engine) as session:
        first, last = days_of(asked, database_time(session).astimezone(UTC).date())
        parts = [USED.c[part.column] for part in asked.by]
        sums = [func.coalesce(func.sum(USED.c[name]), 0).label(name) for name in UsageDay.COUNTS]
        only = [USED.c[part.column] == value for part, value in asked.only.items()]
        mine = [] if asked.owner is None else [USED.c.user_id == asked.owner]
        found = select(*parts, *sums).where(USED.c.day.between(first, last), *only, *mine)
        rows = session.execute(found.group_by(*parts).order_by(*parts).limit(MOST_ROWS + 1)).all()
    return FoundUsage(first, last, rows)


def days_of(asked: AskedUsage, today: date) -> tuple[date, date]:
    """The first and the last day: of the month so far, unless they are given."""
    first = asked.first_day or (asked.last_day or today).replace(day=1)
    return first, asked.last_day or min(max(first, today), first + LONGEST - timedelta(days=1))

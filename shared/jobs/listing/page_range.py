"""Which part of a list is asked for, and in which order: jobs by the time they were accepted, then by their number."""

from datetime import datetime
from typing import Any, Generic, NamedTuple, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, tuple_
from sqlmodel import col

from shared.models import GenerationJob

Id = TypeVar("Id")


class Position(NamedTuple, Generic[Id]):
    """Where a page ended: the time and the id of the last thing on it."""

    created_at: datetime
    id: Id


class PageRange(NamedTuple):
    """Whose jobs (None: everybody's), how many at most, after which, and in which order."""

    owner: UUID | None
    limit: int
    after: Position[int] | None = None
    ascending: bool = False

    def order(self, of: Any) -> tuple[Any, ...]:
        """By what to sort a table of jobs, or a part of one."""
        columns = (col(of.created_at), col(of.id))
        return columns if self.ascending else tuple(column.desc() for column in columns)


def within(page_range: PageRange) -> list[ColumnElement[bool]]:
    """The jobs of a page and all after it: its owner's, beyond where the last one ended."""
    found: list[ColumnElement[bool]] = []
    if page_range.owner is not None:
        found.append(col(GenerationJob.user_id) == page_range.owner)
    if page_range.after is not None:
        # Compared as one row, which an index can be entered with.
        here, there = tuple_(col(GenerationJob.created_at), col(GenerationJob.id)), tuple_(*page_range.after)
        found.append(here > there if page_range.ascending else here < there)
    return found

"""Whose a job is and on which day (UTC) it was accepted, as the indexes of what is in jobs have it.

Such an index knows no order, and finds all jobs that a word is in. With these marks in it, it finds those of a user and
of some days, and reads none of the others.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, Integer, Uuid, cast, func, literal, literal_column
from sqlalchemy.dialects.postgresql import array

from shared.models.jobs.job_indexes import FIRST_DAY, MARKS

OF_JOBS: ColumnElement[Any] = literal_column(MARKS)


def number_of(moment: datetime) -> int:
    """The number of its day."""
    return (moment.astimezone(UTC).date() - FIRST_DAY).days


def marked(owner: UUID | None, days: Sequence[int] | None) -> list[ColumnElement[bool]]:
    """What jobs of a user (None: anybody's) and of some days, by their numbers (None: any), have. Others may have it
    too: a mark is a number, and a user's may be another one's."""
    found: list[ColumnElement[bool]] = []
    if owner is not None:
        found.append(OF_JOBS.op("@>", is_comparison=True)(array([func.uuid_hash(literal(owner, Uuid()))])))
    if days is not None:
        found.append(OF_JOBS.op("&&", is_comparison=True)(cast(list(days), ARRAY(Integer))))
    return found

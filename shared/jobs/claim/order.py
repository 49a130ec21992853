"""Which of the waiting jobs comes first: the most urgent, then the one whose turn it is. No other file knows.

The index `ix_generation_jobs_claim` has this order; a test holds the two equal.
"""

from typing import Any

from sqlalchemy import ColumnElement, and_, tuple_
from sqlmodel import col

from shared.models import GenerationJob

COLUMNS = ("priority", "turn", "id")  # what `jobs` must have


def first_comes(jobs: Any = GenerationJob, *preferred: ColumnElement[bool]) -> tuple[ColumnElement[Any], ...]:
    """The ORDER BY of waiting jobs, of the table or of a query's columns. Of jobs that are as urgent as each other,
    those for which `preferred` holds go first."""
    return (jobs.priority.desc(), *(condition.desc() for condition in preferred), jobs.turn, jobs.id)


def goes_before(this_priority: Any, this_turn: Any, this_id: Any) -> tuple[ColumnElement[bool], ...]:
    """What a waiting job must be to come before the one that has these: any of these conditions. Each is one range of
    the index."""
    priority, place = col(GenerationJob.priority), tuple_(col(GenerationJob.turn), col(GenerationJob.id))
    return (priority > this_priority, and_(priority == this_priority, place < tuple_(this_turn, this_id)))

"""Samples of the queue and the fleet, put together to steps: where they are thinned out, and where they are shown."""

from datetime import timedelta
from typing import Any

from sqlalchemy import BigInteger, FromClause, Select, cast, func, literal, select
from sqlalchemy.dialects.postgresql import array

from shared.database.clock import EPOCH

FINE, COARSE = timedelta(minutes=1), timedelta(minutes=15)
FINE_FOR = timedelta(days=1)  # after that, samples of FINE become one of COARSE
KEPT_FOR = timedelta(days=31)
PRIORITIES = range(10)
MEANS = ("slots", "slots_used", "servers", "servers_busy")


def step_of(moment: Any, step: timedelta) -> Any:
    """When the step began in which a moment is, as SQL."""
    return func.date_bin(literal(step), moment, literal(EPOCH))


def in_steps(samples: FromClause, step: timedelta) -> Select[*tuple[Any, ...]]:
    """A row for each step that has samples, unordered: their means, and the longest wait.

    `samples` has the columns of `history_samples`, and so has what is selected, but for `step_s`.
    """
    of = samples.c
    begins = step_of(of.at, step)
    return select(
        begins.label("at"),
        # Arrays begin with 1 in PostgreSQL.
        array([func.avg(of.waiting[priority + 1]) for priority in PRIORITIES]).label("waiting"),
        func.max(of.oldest_wait_s).label("oldest_wait_s"),
        *(func.avg(of[name]).label(name) for name in MEANS),
        cast(func.avg(of.stored_bytes), BigInteger).label("stored_bytes"),
    ).group_by(begins)

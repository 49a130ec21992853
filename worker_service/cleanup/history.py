"""Samples of the queue and the fleet are thinned out after a day, and gone after a month."""

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import ColumnElement, and_, delete, func, literal, select
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import SQLModel, col

from shared.database.clock import EPOCH
from shared.database.engine import reading, transaction
from shared.fleet.history import COARSE, FINE, FINE_FOR, KEPT_FOR, in_steps, step_of
from shared.models import HistorySample
from worker_service.cleanup.portion import Portion, Removed, Tools

WINDOW = 500

taken_at: ColumnElement[datetime] = SQLModel.metadata.tables[HistorySample.__tablename__].c.at
quarter: ColumnElement[datetime] = step_of(taken_at, COARSE)
IS_OLD = taken_at < func.now() - literal(KEPT_FOR)
# Whole quarters of an hour only, so that none is put together twice.
IS_FINE = and_(
    col(HistorySample.step_s) == FINE.total_seconds(), taken_at < step_of(func.now() - literal(FINE_FOR), COARSE)
)


def old_samples(tools: Tools, _place: str | None) -> Iterator[Portion]:
    """When samples were taken that go."""
    yield from portions(tools, taken_at, IS_OLD)


def fine_samples(tools: Tools, _place: str | None) -> Iterator[Portion]:
    """When the quarters of an hour began whose samples become one."""
    yield from portions(tools, quarter, IS_FINE)


def portions(tools: Tools, begins: ColumnElement[datetime], goes: ColumnElement[bool]) -> Iterator[Portion]:
    found = select(begins).where(goes).group_by(begins).order_by(begins).limit(WINDOW)
    after = EPOCH
    while True:
        with reading(tools.engine) as session:
            moments = session.execute(found.where(begins > after)).scalars().all()
        yield Portion(moments, oldest=moments[0] if moments else None)
        if len(moments) < WINDOW:
            return
        after = moments[-1]


def remove_samples(tools: Tools, portion: Portion) -> Removed:
    with transaction(tools.engine) as session:
        gone = delete(HistorySample).where(IS_OLD, taken_at <= portion.items[-1])
        return Removed(session.connection().execute(gone).rowcount)


def thin_out(tools: Tools, portion: Portion) -> Removed:
    """Put the samples of each quarter of an hour together to one. Returns how many quarters these were."""
    gone = delete(HistorySample).where(IS_FINE, quarter <= portion.items[-1]).returning(HistorySample)
    together = in_steps(gone.cte("gone"), COARSE).add_columns(literal(COARSE.total_seconds()).label("step_s"))
    with transaction(tools.engine) as session:
        made = insert(HistorySample).from_select(together.selected_columns.keys(), together)
        # A quarter is there already only where the clock went back by a day.
        return Removed(session.connection().execute(made.on_conflict_do_nothing()).rowcount)

"""How much there was to do, and what there was to do it with, over an hour, a day or a month."""

from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import BaseModel, Field
from sqlalchemy import Engine, func, literal, select
from sqlmodel import SQLModel

from shared.database.engine import reading
from shared.fleet.history import COARSE, FINE, in_steps, step_of
from shared.models import HistorySample

SAMPLES = SQLModel.metadata.tables[HistorySample.__tablename__]


class HistoryPeriod(StrEnum):
    HOUR = "hour"
    DAY = "day"
    MONTH = "month"

    @property
    def length(self) -> timedelta:
        return {"hour": timedelta(hours=1), "day": timedelta(days=1), "month": timedelta(days=30)}[self.value]

    @property
    def step(self) -> timedelta:
        return {"hour": FINE, "day": COARSE, "month": timedelta(hours=6)}[self.value]


class StepView(BaseModel, frozen=True):
    """Means over one step, from `at` on."""

    at: datetime
    waiting: dict[int, float] = Field(description="jobs in the queue, by their priority; none are left out")
    oldest_wait_s: float | None = Field(description="the longest that the oldest of them could have run already")
    slots: float = Field(description="of servers that got jobs")
    slots_used: float
    servers: float = Field(description="that got jobs or had one")
    servers_busy: float = Field(description="that had a job")
    stored_bytes: int


class HistoryView(BaseModel, frozen=True):
    """Steps without a sample are left out: no scheduler led then."""

    step_s: int = Field(description="how long a step is")
    items: list[StepView]


def history_of(engine: Engine, period: HistoryPeriod) -> HistoryView:
    """What was noted in a period up to now, the oldest first. The first step is a whole one."""
    since = step_of(func.now() - literal(period.length), period.step)
    seen = select(SAMPLES).where(SAMPLES.c.at >= since).subquery("seen")
    steps = in_steps(seen, period.step)
    with reading(engine) as session:
        rows = session.execute(steps.order_by(steps.selected_columns.at)).mappings().all()
    items = [StepView.model_validate({**row, "waiting": by_priority(row["waiting"])}) for row in rows]
    return HistoryView(step_s=round(period.step.total_seconds()), items=items)


def by_priority(waiting: list[float]) -> dict[int, float]:
    """The highest first."""
    return {number: jobs for number, jobs in reversed(list(enumerate(waiting))) if jobs}

"""How much there was to do, and what there was to do it with: sampled, as the rows of today do not say it."""

from datetime import datetime

from sqlalchemy import ARRAY, REAL, BigInteger, Column, DateTime, Float, SmallInteger
from sqlmodel import Field, SQLModel


def mean(name: str) -> Column[float]:
    return Column(name, REAL, nullable=False)


class HistorySample(SQLModel, table=True):
    """One row of `history_samples`: the means of `step_s` seconds from `at` on.

    `waiting` has a number of queued jobs for each priority, from 0 to 9. `oldest_wait_s` is the longest that the oldest
    of them could have run already; None if none waited. `slots` are those of usable servers, `slots_used` the jobs in
    slots. `servers` are those that are usable or have a job, `servers_busy` those that have one.
    """

    __tablename__ = "history_samples"

    step_s: int = Field(sa_column=Column("step_s", SmallInteger, primary_key=True, autoincrement=False))
    at: datetime = Field(sa_column=Column("at", DateTime(timezone=True), primary_key=True))
    waiting: list[float] = Field(sa_column=Column("waiting", ARRAY(REAL), nullable=False))
    oldest_wait_s: float | None = Field(default=None, sa_column=Column("oldest_wait_s", Float))
    slots: float = Field(sa_column=mean("slots"))
    slots_used: float = Field(sa_column=mean("slots_used"))
    servers: float = Field(sa_column=mean("servers"))
    servers_busy: float = Field(sa_column=mean("servers_busy"))
    stored_bytes: int = Field(sa_column=Column("stored_bytes", BigInteger, nullable=False))

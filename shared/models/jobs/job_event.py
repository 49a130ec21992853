"""An event: something that happened to a job, kept so that a watcher who missed it can catch up."""

from datetime import datetime
from typing import Any

from sqlalchemy import Column, Integer
from sqlmodel import Field, SQLModel

from shared.database.columns import document, moment, of_a_job, one_of, word
from shared.models.jobs.status import LIVE_ONLY, EventType


class JobEvent(SQLModel, table=True):
    """One row of `job_events`. `sequence` counts the events of a job from 1, without a gap."""

    __tablename__ = "job_events"

    # The key is also the relay's catch-up: what happened to this job since.
    job_id: int = Field(sa_column=of_a_job(primary_key=True))
    sequence: int = Field(sa_column=Column("sequence", Integer, primary_key=True, autoincrement=False))
    type: EventType = Field(sa_column=word("type", EventType))
    attempt: int
    data: dict[str, Any] = Field(default_factory=dict, sa_column=document("data", "{}"))
    created_at: datetime = Field(default=None, sa_column=moment("created_at", nullable=False, now=True))

    __table_args__ = (one_of("type", [kind for kind in EventType if kind not in LIVE_ONLY]),)

"""An event: something that happened to a job, kept so that a watcher who missed it can catch up."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, ForeignKey, Identity, Index, Integer, String
from sqlmodel import Field, SQLModel

from shared.models.columns import document, moment, one_of
from shared.models.status import LIVE_ONLY, EventType


class JobEvent(SQLModel, table=True):
    """One row of `job_events`. Ids of one job grow in the order things happened to it."""

    __tablename__ = "job_events"

    id: int = Field(default=None, sa_column=Column("id", BigInteger, Identity(), primary_key=True))
    job_id: int = Field(
        sa_column=Column("job_id", Integer, ForeignKey("generation_jobs.id", ondelete="CASCADE"), nullable=False)
    )
    type: EventType = Field(sa_column=Column("type", String(20), nullable=False))
    attempt: int
    data: dict[str, Any] = Field(default_factory=dict, sa_column=document("data", "{}"))
    created_at: datetime = Field(default=None, sa_column=moment("created_at", nullable=False, now=True))

    __table_args__ = (
        one_of("type", [kind for kind in EventType if kind not in LIVE_ONLY]),
        # The relay's catch-up: what happened to these jobs since.
        Index("ix_job_events_job", "job_id", "id"),
    )

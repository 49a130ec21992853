"""A job that is made again and again."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Boolean, Column, Index, Integer, LargeBinary, String, Text, Uuid, text
from sqlmodel import Field, SQLModel

from shared.database.columns import document, moment, of_a_user, one_of, word


class Overlap(StrEnum):
    """What becomes of a run whose time comes before the job of an earlier one has ended."""

    SKIP = "skip"
    QUEUE = "queue"


class Missed(StrEnum):
    """What becomes of runs whose times passed while nobody was there to make their jobs."""

    RUN_ONCE = "run_once"
    SKIP = "skip"


class Schedule(SQLModel, table=True):
    """One row of `schedules`. `cron` and `time_zone` say when; at `next_at` the next job is due, NULL while none is.

    `asked` is the job as its owner asked for it, without secrets; `template` what the row of each job begins as, see
    `shared.schedules.template`. `webhook_url` and `webhook_secret` are for the end of each job. `key_id` is the key
    that made it: its limits hold. `paused_reason` says why it is `paused`, where nobody but this service paused it.
    The last job was due at `last_planned_at` and made at `last_made_at`. `last_skip` says which run made no job, and
    why: `{planned_at, at, code, message}`; `skips` counts those since the last job.
    """

    __tablename__ = "schedules"

    id: UUID = Field(default_factory=uuid4, sa_column=Column("id", Uuid, primary_key=True))
    user_id: UUID = Field(sa_column=of_a_user())
    key_id: str = Field(sa_column=Column("key_id", String(32), nullable=False))
    name: str = Field(sa_column=Column("name", String(255), nullable=False))
    cron: str = Field(sa_column=Column("cron", String(100), nullable=False))
    time_zone: str = Field(sa_column=Column("time_zone", String(64), nullable=False))
    overlap: Overlap = Field(default=Overlap.SKIP, sa_column=word("overlap", Overlap))
    missed: Missed = Field(default=Missed.RUN_ONCE, sa_column=word("missed", Missed))
    paused: bool = Field(
        default=False, sa_column=Column("paused", Boolean, nullable=False, server_default=text("false"))
    )
    paused_reason: str | None = Field(default=None, sa_column=Column("paused_reason", String(255)))
    asked: dict[str, Any] = Field(sa_column=document("asked", "{}"))
    template: dict[str, Any] = Field(sa_column=document("template", "{}"), repr=False)
    webhook_url: str | None = Field(default=None, sa_column=Column("webhook_url", Text))
    webhook_secret: bytes | None = Field(default=None, sa_column=Column("webhook_secret", LargeBinary), repr=False)
    next_at: datetime | None = Field(default=None, sa_column=moment("next_at"))
    last_planned_at: datetime | None = Field(default=None, sa_column=moment("last_planned_at"))
    last_made_at: datetime | None = Field(default=None, sa_column=moment("last_made_at"))
    last_job_id: int | None = None
    last_skip: dict[str, Any] | None = Field(default=None, sa_column=document("last_skip", None))
    skips: int = Field(default=0, sa_column=Column("skips", Integer, nullable=False, server_default=text("0")))
    created_at: datetime = Field(default=None, sa_column=moment("created_at", nullable=False, now=True))
    updated_at: datetime = Field(default=None, sa_column=moment("updated_at", nullable=False, now=True))

    __table_args__ = (
        one_of("overlap", Overlap),
        one_of("missed", Missed),
        Index("ix_schedules_user", "user_id", "created_at", "id"),
        Index("ix_schedules_due", "next_at", postgresql_where="next_at IS NOT NULL"),
    )

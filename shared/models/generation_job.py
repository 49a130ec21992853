"""A job: what was asked for, where it stands, and who holds it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Identity, Index, Integer, SmallInteger, String, Text, text
from sqlmodel import Field, SQLModel

from shared.models.columns import between, document, moment, one_of, word
from shared.models.status import JobStatus


class GenerationJob(SQLModel, table=True):
    """One row of `generation_jobs`. Only `shared.lifecycle` and `shared.claims` write its status.

    `run_after` is when it may start: at once unless said otherwise. NULL, as in rows of the old system, is never.
    `attempt` counts the workers it was given to: every write of a worker names the attempt it holds.
    `events` counts the rows of `job_events`; a snapshot of the job includes all of them.
    `server` and `comfyui_prompt_id` say where its prompt is, or last was.
    """

    __tablename__ = "generation_jobs"

    id: int = Field(default=None, sa_column=Column("id", Integer, Identity(), primary_key=True))
    user_id: UUID
    job_type: str = Field(sa_column=Column("job_type", String(50), nullable=False))
    status: JobStatus = Field(sa_column=word("status", JobStatus))

    prompt: str = Field(sa_column=Column("prompt", Text, nullable=False))
    negative_prompt: str | None = Field(default=None, sa_column=Column("negative_prompt", Text))
    checkpoint_model: str | None = Field(default=None, sa_column=Column("checkpoint_model", String(255)))
    lora_models: list[dict[str, Any]] = Field(default_factory=list, sa_column=document("lora_models", "[]"))
    width: int | None = None
    height: int | None = None
    batch_size: int | None = None
    params: dict[str, Any] = Field(default_factory=dict, sa_column=document("params", "{}"))

    message_id: str | None = Field(default=None, sa_column=Column("message_id", String(64), index=True))
    run_after: datetime | None = Field(default=None, sa_column=moment("run_after", now=True))
    attempt: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    events: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    retries: int = Field(default=0, sa_column=Column("retries", SmallInteger, nullable=False, server_default=text("0")))
    worker_id: str | None = Field(default=None, sa_column=Column("worker_id", String(255)))
    lease_expires_at: datetime | None = Field(default=None, sa_column=moment("lease_expires_at"))
    server: str | None = Field(default=None, sa_column=Column("server", String(255)))
    comfyui_prompt_id: str | None = Field(default=None, sa_column=Column("comfyui_prompt_id", String(255), unique=True))

    error_code: str | None = Field(default=None, sa_column=Column("error_code", String(64)))
    error_message: str | None = Field(default=None, sa_column=Column("error_message", Text))
    error_details: dict[str, Any] | None = Field(default=None, sa_column=document("error_details", None))
    content_id: int | None = None
    legacy_request_id: int | None = Field(default=None, unique=True)
    legacy: dict[str, Any] | None = Field(default=None, sa_column=document("legacy", None))

    created_at: datetime = Field(default=None, sa_column=moment("created_at", nullable=False, now=True))
    updated_at: datetime = Field(default=None, sa_column=moment("updated_at", nullable=False, now=True))
    started_at: datetime | None = Field(default=None, sa_column=moment("started_at"))
    completed_at: datetime | None = Field(default=None, sa_column=moment("completed_at"))

    __table_args__ = (
        one_of("status", JobStatus),
        between("width", 1, 16384),
        between("height", 1, 16384),
        between("batch_size", 1, 4096),
        # claims.take: the oldest queued job whose time has come.
        Index("ix_generation_jobs_claim", "id", postgresql_include=["run_after"], postgresql_where="status = 'queued'"),
        # wakeups.due_pending: pending jobs whose time has come.
        Index("ix_generation_jobs_pending", "run_after", postgresql_where="status = 'pending'"),
        # claims.adopt and wakeups.abandoned: leases that ran out; claims.free_server: the load of each server.
        Index(
            "ix_generation_jobs_held",
            "lease_expires_at",
            postgresql_include=["server"],
            postgresql_where="status IN ('running', 'cancelling')",
        ),
        # A user's jobs, newest first.
        Index("ix_generation_jobs_list", "user_id", text("created_at DESC"), text("id DESC")),
    )

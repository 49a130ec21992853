"""An attempt: one worker's hold on a job, and how it ended."""

from datetime import datetime
from typing import Any

from sqlalchemy import Column, Index, String, Text
from sqlmodel import Field, SQLModel

from shared.database.columns import document, moment, of_a_job, one_of, word
from shared.models.jobs.status import Outcome


class JobAttempt(SQLModel, table=True):
    """One row of `job_attempts`. `outcome` is NULL while the attempt holds the job.

    `adopted` attempts went on with the prompt of the attempt before them instead of sending their own.
    """

    __tablename__ = "job_attempts"

    job_id: int = Field(sa_column=of_a_job(primary_key=True))
    attempt: int = Field(primary_key=True)
    worker_id: str = Field(sa_column=Column("worker_id", String(255), nullable=False))
    message_id: str | None = Field(default=None, sa_column=Column("message_id", String(64)))
    server: str = Field(sa_column=Column("server", String(255), nullable=False))
    comfyui_prompt_id: str = Field(sa_column=Column("comfyui_prompt_id", String(255), nullable=False))
    adopted: bool = False
    started_at: datetime = Field(default=None, sa_column=moment("started_at", nullable=False, now=True))
    ended_at: datetime | None = Field(default=None, sa_column=moment("ended_at"))
    outcome: Outcome | None = Field(default=None, sa_column=word("outcome", Outcome, nullable=True))
    error_code: str | None = Field(default=None, sa_column=Column("error_code", String(64)))
    error_message: str | None = Field(default=None, sa_column=Column("error_message", Text))
    error_details: dict[str, Any] | None = Field(default=None, sa_column=document("error_details", None))

    __table_args__ = (
        one_of("outcome", Outcome),
        # servers.blame and the API's fleet view: what failed on a server recently.
        Index("ix_job_attempts_failures", "server", "ended_at", postgresql_where="error_code IS NOT NULL"),
    )

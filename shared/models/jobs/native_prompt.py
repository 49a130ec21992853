"""A prompt of a program that talks to ComfyUI: how it calls a job, and what it wants to see of it no more."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Column, Index, String, Uuid
from sqlmodel import Field, SQLModel

from shared.database.columns import moment, of_a_job, of_a_user


class NativePrompt(SQLModel, table=True):
    """One row of `native_prompts`: a job that came as a prompt of ComfyUI's own API. It goes with its job.

    `prompt_id` is the client's own, or drawn; it names one job of a user. `client_id` is the client that hears of it,
    if there is one. Since `hidden_at` neither queue nor history shows it; at `told_at` its end was told to a socket.
    """

    __tablename__ = "native_prompts"

    job_id: int = Field(sa_column=of_a_job(primary_key=True))
    user_id: UUID = Field(sa_column=of_a_user())
    prompt_id: UUID = Field(sa_column=Column("prompt_id", Uuid, nullable=False))
    client_id: str | None = Field(default=None, sa_column=Column("client_id", String(255)))
    hidden_at: datetime | None = Field(default=None, sa_column=moment("hidden_at"))
    told_at: datetime | None = Field(default=None, sa_column=moment("told_at"))

    __table_args__ = (
        Index("ix_native_prompts_name", "user_id", "prompt_id", unique=True),
        Index("ix_native_prompts_user", "user_id", "job_id"),
        Index("ix_native_prompts_client", "user_id", "client_id", "job_id"),
    )

"""A pause: an operator wants no job to start, or none of one user."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Column, ForeignKey, Identity, Index, Integer, String, Text, Uuid, text
from sqlmodel import Field, SQLModel

from shared.database.columns import moment


class Pause(SQLModel, table=True):
    """One row of `pauses`: of a user, or of everybody where `user_id` is NULL. What runs goes on. `paused_by` is the
    name of whoever wanted it, and `reason` what was said of it."""

    __tablename__ = "pauses"

    id: int = Field(default=None, sa_column=Column("id", Integer, Identity(), primary_key=True))
    user_id: UUID | None = Field(default=None, sa_column=Column("user_id", Uuid, ForeignKey("users.id"), unique=True))
    reason: str | None = Field(default=None, sa_column=Column("reason", Text))
    paused_by: str = Field(sa_column=Column("paused_by", String(255), nullable=False))
    paused_at: datetime = Field(default=None, sa_column=moment("paused_at", nullable=False, now=True))

    # Everybody is paused once at most.
    __table_args__ = (
        Index("ix_pauses_everybody", text("(user_id IS NULL)"), unique=True, postgresql_where="user_id IS NULL"),
    )

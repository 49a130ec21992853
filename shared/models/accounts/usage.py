"""What users have used: noted as attempts and jobs end, and added up by day."""

from datetime import date
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import BigInteger, Column, Date, Identity, Index, Text, Uuid, text
from sqlmodel import Field, SQLModel


def part(name: str) -> Column[Any]:
    """Part of what usage is added up by; '' for none."""
    return Column(name, Text, primary_key=True)


def count(name: str) -> Column[Any]:
    return Column(name, BigInteger, nullable=False, server_default=text("0"))


class UsageDay(SQLModel, table=True):
    """One row of `usage_days`: what ended on a day (UTC), of one user, key, checkpoint and server.

    `gpu_us` is for how many microseconds attempts held a server, `lost_us` the part of it of attempts whose worker was
    lost. `completed`, `failed`, `cancelled` and `expired` are numbers of jobs, `bytes` is the size of their outputs.
    What is deleted later stays counted.
    """

    __tablename__ = "usage_days"

    PARTS: ClassVar = ("user_id", "day", "key_id", "checkpoint", "server")
    COUNTS: ClassVar = ("attempts", "gpu_us", "lost_us", "completed", "failed", "cancelled", "expired", "bytes")

    user_id: UUID = Field(sa_column=Column("user_id", Uuid, primary_key=True))
    day: date = Field(sa_column=Column("day", Date, primary_key=True))
    key_id: str = Field(sa_column=part("key_id"))
    checkpoint: str = Field(sa_column=part("checkpoint"))
    server: str = Field(sa_column=part("server"))
    attempts: int = Field(default=0, sa_column=count("attempts"))
    gpu_us: int = Field(default=0, sa_column=count("gpu_us"))
    lost_us: int = Field(default=0, sa_column=count("lost_us"))
    completed: int = Field(default=0, sa_column=count("completed"))
    failed: int = Field(default=0, sa_column=count("failed"))
    cancelled: int = Field(default=0, sa_column=count("cancelled"))
    expired: int = Field(default=0, sa_column=count("expired"))
    bytes: int = Field(default=0, sa_column=count("bytes"))

    # Everybody's, for admins.
    __table_args__ = (Index("ix_usage_days_day", "day"),)


class UsageNote(SQLModel, table=True):
    """One row of `usage_notes`: an end of an attempt or of jobs that is not in `usage_days` yet, with its columns.

    Rows are only added and taken away, so that those who note never wait for each other.
    """

    __tablename__ = "usage_notes"

    user_id: UUID = Field(sa_column=Column("user_id", Uuid, primary_key=True))
    id: int = Field(default=None, sa_column=Column("id", BigInteger, Identity(), primary_key=True))
    day: date = Field(sa_column=Column("day", Date, nullable=False))
    key_id: str = Field(sa_column=Column("key_id", Text, nullable=False))
    checkpoint: str = Field(sa_column=Column("checkpoint", Text, nullable=False))
    server: str = Field(sa_column=Column("server", Text, nullable=False))
    attempts: int = Field(default=0, sa_column=count("attempts"))
    gpu_us: int = Field(default=0, sa_column=count("gpu_us"))
    lost_us: int = Field(default=0, sa_column=count("lost_us"))
    completed: int = Field(default=0, sa_column=count("completed"))
    failed: int = Field(default=0, sa_column=count("failed"))
    cancelled: int = Field(default=0, sa_column=count("cancelled"))
    expired: int = Field(default=0, sa_column=count("expired"))
    bytes: int = Field(default=0, sa_column=count("bytes"))

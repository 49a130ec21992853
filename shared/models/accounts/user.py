"""Who owns jobs, and how far each has come in their turns."""

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    SmallInteger,
    String,
    Uuid,
    text,
)
from sqlmodel import Field, SQLModel

from shared.database.columns import document, moment, seconds


class User(SQLModel, table=True):
    """One row of `users`: an owner of jobs.

    `stored_bytes` is the size of all outputs of the user's jobs, thumbnails not counted, and of the content of all
    assets; it changes in the transactions that add and delete them. `running_jobs_limit` is this user's own, NULL the
    setting's. `retention` says for how many days what is kept, null for ever; what it does not name is kept as the
    settings say, see `shared.accounts.retention`.
    `budget` says how much the user may use in a month, null for as much as wanted; what it does not name is as the
    settings say, see `shared.usage.budgets`.
    `weight` is this user's share of the servers among those who wait: 2 is twice that of 1.
    """

    __tablename__ = "users"

    id: UUID = Field(default_factory=uuid4, sa_column=Column("id", Uuid, primary_key=True))
    name: str = Field(sa_column=Column("name", String(255), nullable=False, unique=True))
    stored_bytes: int = Field(
        default=0, sa_column=Column("stored_bytes", BigInteger, nullable=False, server_default=text("0"))
    )
    running_jobs_limit: int | None = None
    weight: float = Field(default=1.0, sa_column=Column("weight", Float, nullable=False, server_default=text("1")))
    retention: dict[str, int | None] = Field(default_factory=dict, sa_column=document("retention", "{}"))
    budget: dict[str, int | None] = Field(default_factory=dict, sa_column=document("budget", "{}"))
    created_at: datetime = Field(default=None, sa_column=moment("created_at", nullable=False, now=True))

    # shared.jobs.claim.conditions: whether anybody has a limit of running jobs.
    __table_args__ = (
        Index("ix_users_limited", "id", postgresql_where="running_jobs_limit IS NOT NULL"),
        CheckConstraint("weight BETWEEN 0.01 AND 100", name="weight_range"),
    )


class UserTurn(SQLModel, table=True):
    """One row of `user_turns`, of a user and a priority. Seconds of a server, divided by the user's weight.

    `finish` is where the user's next job would come if it came at once; `clock` is how far all users had come when this
    one last submitted a job. See `shared.jobs.turns`. `accepted` is how many of the user's jobs were ever accepted with
    that priority, where users take turns: it only grows, see `shared.accounts.quotas`.
    """

    __tablename__ = "user_turns"

    user_id: UUID = Field(sa_column=Column("user_id", Uuid, ForeignKey("users.id"), primary_key=True))
    priority: int = Field(sa_column=Column("priority", SmallInteger, primary_key=True))
    finish: float = Field(sa_column=seconds("finish"))
    clock: float = Field(sa_column=seconds("clock"))
    accepted: int = Field(default=0, sa_column=Column("accepted", BigInteger, nullable=False, server_default=text("0")))

    __table_args__ = (
        Index("ix_user_turns_clock", "priority", "clock"),
        Index("ix_user_turns_finish", "priority", "finish"),
    )

"""What is known of failures: which groups a user does not want to hear of, and which workflows take servers down."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, Column, Index, Integer, SmallInteger, String, Uuid, text
from sqlmodel import Field, SQLModel

from shared.database.columns import empty_list, moment, names, of_a_user


class MutedFailure(SQLModel, table=True):
    """One row of `muted_failures`: until `muted_until` a user wants to hear nothing of this group of failures."""

    __tablename__ = "muted_failures"

    user_id: UUID = Field(sa_column=of_a_user(primary_key=True))
    failure: str = Field(sa_column=Column("failure", String(16), primary_key=True))
    muted_until: datetime = Field(sa_column=moment("muted_until", nullable=False))


class SuspectWorkflow(SQLModel, table=True):
    """One row of `suspect_workflows`: jobs of this fingerprint have failed in a way that harms servers, and none has
    completed since. From `quarantined_at` on none is run.

    `strikes` counts these failures, on `servers`, all with `error_code`. `user_ids` are the owners of the jobs, and
    `job_id` is the last of them.
    """

    __tablename__ = "suspect_workflows"

    fingerprint: str = Field(sa_column=Column("fingerprint", String(16), primary_key=True))
    error_code: str = Field(sa_column=Column("error_code", String(64), nullable=False))
    strikes: int = Field(default=0, sa_column=Column("strikes", SmallInteger, nullable=False, server_default=text("0")))
    servers: list[str] = Field(default_factory=empty_list, sa_column=names("servers"))
    user_ids: list[UUID] = Field(
        default_factory=empty_list,
        sa_column=Column("user_ids", ARRAY(Uuid), nullable=False, server_default=text("'{}'::uuid[]")),
    )
    job_id: int = Field(sa_column=Column("job_id", Integer, nullable=False))
    first_at: datetime = Field(default=None, sa_column=moment("first_at", nullable=False, now=True))
    last_at: datetime = Field(default=None, sa_column=moment("last_at", nullable=False, now=True))
    quarantined_at: datetime | None = Field(default=None, sa_column=moment("quarantined_at"))

    __table_args__ = (
        # Those in quarantine, the newest first.
        Index(
            "ix_suspect_workflows_quarantined",
            text("quarantined_at DESC"),
            text("fingerprint DESC"),
            postgresql_where="quarantined_at IS NOT NULL",
        ),
    )

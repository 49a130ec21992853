"""Where a user is told of ended jobs, and what is owed to each of these places."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, LargeBinary, String, Text, Uuid, text
from sqlmodel import Field, SQLModel

from shared.database.columns import document, empty_list, moment, names, of_a_job, of_a_user, one_of, word


class DeliveryState(StrEnum):
    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


class WebhookEndpoint(SQLModel, table=True):
    """One row of `webhook_endpoints`. `event_types` are the events it wants, of jobs whose metadata contain
    `metadata_filter`.

    `secret` signs; `previous_secret` does too until `previous_until`. `failures` in a row are counted since
    `failing_since`. Nothing is sent before `rests_until`: it was too much for its receiver. `disabled_reason` says why
    it is not `enabled`, where nobody but this service disabled it. The one `of_jobs` has no URL: what the jobs of its
    user are owed that named one of their own is owed to it.
    """

    __tablename__ = "webhook_endpoints"

    id: UUID = Field(default_factory=uuid4, sa_column=Column("id", Uuid, primary_key=True))
    user_id: UUID = Field(sa_column=of_a_user())
    url: str = Field(sa_column=Column("url", Text, nullable=False))
    of_jobs: bool = Field(
        default=False, sa_column=Column("of_jobs", Boolean, nullable=False, server_default=text("false"))
    )
    description: str | None = Field(default=None, sa_column=Column("description", String(255)))
    event_types: list[str] = Field(default_factory=empty_list, sa_column=names("event_types"))
    metadata_filter: dict[str, Any] = Field(default_factory=dict, sa_column=document("metadata_filter", "{}"))
    enabled: bool = Field(
        default=True, sa_column=Column("enabled", Boolean, nullable=False, server_default=text("true"))
    )
    disabled_reason: str | None = Field(default=None, sa_column=Column("disabled_reason", String(255)))
    secret: bytes = Field(sa_column=Column("secret", LargeBinary, nullable=False), repr=False)
    previous_secret: bytes | None = Field(default=None, sa_column=Column("previous_secret", LargeBinary), repr=False)
    previous_until: datetime | None = Field(default=None, sa_column=moment("previous_until"))
    failures: int = Field(default=0, sa_column=Column("failures", Integer, nullable=False, server_default=text("0")))
    failing_since: datetime | None = Field(default=None, sa_column=moment("failing_since"))
    rests_until: datetime | None = Field(default=None, sa_column=moment("rests_until"))
    created_at: datetime = Field(default=None, sa_column=moment("created_at", nullable=False, now=True))

    __table_args__ = (
        Index("ix_webhook_endpoints_user", "user_id", "created_at", "id"),
        Index("ix_webhook_endpoints_of_jobs", "user_id", unique=True, postgresql_where="of_jobs"),
    )


class JobWebhook(SQLModel, table=True):
    """One row of `job_webhooks`: where a job wants its end to be told. Without a `secret` of its own that of the user's
    endpoint `of_jobs` signs."""

    __tablename__ = "job_webhooks"

    job_id: int = Field(sa_column=of_a_job(primary_key=True))
    url: str = Field(sa_column=Column("url", Text, nullable=False))
    secret: bytes | None = Field(default=None, sa_column=Column("secret", LargeBinary), repr=False)


class WebhookDelivery(SQLModel, table=True):
    """One row of `webhook_deliveries`: something an endpoint is told, the same however often it is tried.

    What a job named goes to its own `url`, signed with its own `secret` if it has one. It is due at `due_at`; until
    `claimed_until` a worker is at it. The `last_` columns are of the last try.
    """

    __tablename__ = "webhook_deliveries"

    id: UUID = Field(default_factory=uuid4, sa_column=Column("id", Uuid, primary_key=True))
    endpoint_id: UUID = Field(
        sa_column=Column("endpoint_id", Uuid, ForeignKey("webhook_endpoints.id", ondelete="CASCADE"), nullable=False)
    )
    job_id: int | None = None
    url: str | None = Field(default=None, sa_column=Column("url", Text))
    secret: bytes | None = Field(default=None, sa_column=Column("secret", LargeBinary), repr=False)
    type: str = Field(sa_column=Column("type", String(50), nullable=False))
    body: str = Field(sa_column=Column("body", Text, nullable=False))
    state: DeliveryState = Field(default=DeliveryState.PENDING, sa_column=word("state", DeliveryState))
    tries: int = Field(default=0, sa_column=Column("tries", Integer, nullable=False, server_default=text("0")))
    due_at: datetime = Field(default=None, sa_column=moment("due_at", nullable=False, now=True))
    claimed_until: datetime | None = Field(default=None, sa_column=moment("claimed_until"))
    created_at: datetime = Field(default=None, sa_column=moment("created_at", nullable=False, now=True))
    last_tried_at: datetime | None = Field(default=None, sa_column=moment("last_tried_at"))
    last_status: int | None = None
    last_error: str | None = Field(default=None, sa_column=Column("last_error", String(255)))
    last_answer: str | None = Field(default=None, sa_column=Column("last_answer", Text))
    last_ms: int | None = None

    __table_args__ = (
        one_of("state", DeliveryState),
        Index("ix_webhook_deliveries_due", "endpoint_id", "due_at", postgresql_where="state = 'pending'"),
        Index("ix_webhook_deliveries_claimed", "endpoint_id", postgresql_where="claimed_until IS NOT NULL"),
        Index("ix_webhook_deliveries_log", "endpoint_id", "created_at", "id"),
        Index("ix_webhook_deliveries_created", "created_at"),
    )

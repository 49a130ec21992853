"""What lets somebody in: keys with their scopes, and what stands in for a key where none can be sent."""

from collections.abc import Collection
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Boolean,
    Column,
    Identity,
    Integer,
    LargeBinary,
    String,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field, SQLModel

from shared.database.columns import document, moment, of_a_user


class Scope(StrEnum):
    """What a key may do. `admin` includes the others, and every user's jobs.

    `native` stands alone: such a key may be part of an address, and is good for ComfyUI's own API only.
    """

    READ = "jobs:read"
    WRITE = "jobs:write"
    ADMIN = "admin"
    NATIVE = "native"


def stands_alone(scopes: Collection[str]) -> bool:
    """Whether these scopes may be those of one key: what is part of an address is good for nothing else."""
    return Scope.NATIVE not in scopes or len(set(scopes)) == 1


class ApiKey(SQLModel, table=True):
    """One row of `api_keys`: `gn_<id>_<secret>`, of which only the secret's SHA-256 is kept.

    `limits` overrides the settings of the same names for requests with this key.
    `is_browser`: the key is a browser's, which keeps it as a cookie that no script can read. `made_by` is the key that
    was shown when it was made: once that is revoked, so is this one. `renewed_at` is when it last got another secret.
    """

    __tablename__ = "api_keys"

    id: str = Field(sa_column=Column("id", String(32), primary_key=True))
    user_id: UUID = Field(sa_column=of_a_user())
    name: str = Field(sa_column=Column("name", String(255), nullable=False))
    secret_hash: bytes = Field(sa_column=Column("secret_hash", LargeBinary, nullable=False))
    scopes: list[str] = Field(sa_column=Column("scopes", ARRAY(String(32)), nullable=False))
    limits: dict[str, Any] = Field(default_factory=dict, sa_column=document("limits", "{}"))
    created_at: datetime = Field(default=None, sa_column=moment("created_at", nullable=False, now=True))
    expires_at: datetime | None = Field(default=None, sa_column=moment("expires_at"))
    revoked_at: datetime | None = Field(default=None, sa_column=moment("revoked_at"))
    last_used_at: datetime | None = Field(default=None, sa_column=moment("last_used_at"))
    is_browser: bool = Field(
        default=False, sa_column=Column("is_browser", Boolean, nullable=False, server_default=text("false"))
    )
    made_by: str | None = Field(default=None, sa_column=Column("made_by", String(32), index=True))
    renewed_at: datetime | None = Field(default=None, sa_column=moment("renewed_at"))


class StreamTicket(SQLModel, table=True):
    """One row of `stream_tickets`: it opens one stream, with the rights of the key that asked for it.

    A WebSocket deletes the row. Server-sent events keep it, so that the same client may resume the same stream: then
    `stream_hash` is of its address, `resume_hash` of a secret that was only sent within the stream, and `connections`
    counts how often it was opened. `expires_at` is moved while the stream is open, up to `resumable_until`.
    """

    __tablename__ = "stream_tickets"

    secret_hash: bytes = Field(sa_column=Column("secret_hash", LargeBinary, primary_key=True))
    key_id: str = Field(sa_column=Column("key_id", String(32), nullable=False))
    expires_at: datetime = Field(sa_column=moment("expires_at", nullable=False))
    stream_hash: bytes | None = Field(default=None, sa_column=Column("stream_hash", LargeBinary))
    resume_hash: bytes | None = Field(default=None, sa_column=Column("resume_hash", LargeBinary))
    resumable_until: datetime | None = Field(default=None, sa_column=moment("resumable_until"))
    connections: int = Field(
        default=0, sa_column=Column("connections", Integer, nullable=False, server_default=text("0"))
    )


class UrlSecret(SQLModel, table=True):
    """One row of `url_secrets`: with the newest the URLs of files are signed, for a day; the others still verify."""

    __tablename__ = "url_secrets"

    id: int = Field(default=None, sa_column=Column("id", Integer, Identity(), primary_key=True))
    secret: bytes = Field(sa_column=Column("secret", LargeBinary, nullable=False))
    created_at: datetime = Field(default=None, sa_column=moment("created_at", nullable=False, now=True))

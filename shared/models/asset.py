"""An asset: a file of a user's, that jobs may take in; which jobs need it, and under which keys it was uploaded."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID, uuid4

from sqlalchemy import BigInteger, Column, ForeignKey, Index, String, Text, Uuid
from sqlmodel import Field, SQLModel

from shared.database.columns import empty_list, moment, names, of_a_job, of_a_user, one_of, word


class AssetKind(StrEnum):
    """What a file is, by its first bytes."""

    IMAGE = "image"
    VIDEO = "video"
    AUDIO = "audio"
    TENSORS = "tensors"  # safetensors: latents, and whatever else is kept so
    TEXT = "text"
    OTHER = "other"


class Asset(SQLModel, table=True):
    """One row of `assets`: a name for a content. The rows of one user with the same `hash` share the file at `path`.

    `hash` is `blake3:<hex>`. `job_id` is the job whose output it was made from, which may be deleted since.
    """

    __tablename__ = "assets"

    id: UUID = Field(default_factory=uuid4, sa_column=Column("id", Uuid, primary_key=True))
    user_id: UUID = Field(sa_column=of_a_user())
    name: str = Field(sa_column=Column("name", String(255), nullable=False))
    kind: AssetKind = Field(sa_column=word("kind", AssetKind))
    media_type: str = Field(sa_column=Column("media_type", String(127), nullable=False))
    size_bytes: int = Field(sa_column=Column("size_bytes", BigInteger, nullable=False))
    hash: str = Field(sa_column=Column("hash", String(100), nullable=False))
    path: str = Field(sa_column=Column("path", Text, nullable=False))
    tags: list[str] = Field(default_factory=empty_list, sa_column=names("tags"))
    job_id: int | None = None
    created_at: datetime = Field(default=None, sa_column=moment("created_at", nullable=False, now=True))
    expires_at: datetime | None = Field(default=None, sa_column=moment("expires_at"))

    __table_args__ = (
        one_of("kind", AssetKind),
        # Of two who upload the same at once, one makes the row.
        Index("ix_assets_content", "user_id", "hash", "name", unique=True),
        Index("ix_assets_user_created", "user_id", "created_at", "id"),
        Index("ix_assets_user_name", "user_id", "name"),
        Index("ix_assets_expires", "expires_at", postgresql_where="expires_at IS NOT NULL"),
    )


class AssetUse(SQLModel, table=True):
    """One row of `asset_uses`: a job needs an asset until it has ended. The row goes with either of them.

    Who adds one takes the asset's row with it, by the foreign key, so no asset goes while a job is being submitted.
    """

    __tablename__ = "asset_uses"

    asset_id: UUID = Field(
        sa_column=Column("asset_id", Uuid, ForeignKey("assets.id", ondelete="CASCADE"), primary_key=True)
    )
    job_id: int = Field(sa_column=of_a_job(primary_key=True))

    __table_args__ = (Index("ix_asset_uses_job", "job_id"),)


class AssetKey(SQLModel, table=True):
    """One row of `asset_keys`: the idempotency key of an upload, the digest of what was said with it, and its asset."""

    __tablename__ = "asset_keys"

    user_id: UUID = Field(sa_column=Column("user_id", Uuid, ForeignKey("users.id"), primary_key=True))
    key: str = Field(sa_column=Column("key", String(255), primary_key=True))
    digest: str = Field(sa_column=Column("digest", String(64), nullable=False))
    asset_id: UUID = Field(
        sa_column=Column("asset_id", Uuid, ForeignKey("assets.id", ondelete="CASCADE"), nullable=False)
    )

    __table_args__ = (Index("ix_asset_keys_asset", "asset_id"),)

"""An output: one stored file of a completed job, with what was verified of it."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, Index, Integer, String, Text
from sqlmodel import Field, SQLModel

from shared.database.columns import document, moment, of_a_job, one_of, word
from shared.models.jobs.status import OutputKind


class JobOutput(SQLModel, table=True):
    """One row of `job_outputs`. `number` counts from 0 in the order of the workflow's nodes.

    `node_id`, its class and its title say whose output it is, and `key` under what the node showed it. A file has the
    `server_filename` and the `type` that ComfyUI gave it; a text has neither. All but the node's id are NULL in rows
    older than these columns.
    `path` is the key in the OutputStore. `thumbnails` maps a size in px to `{path, width, height, size_bytes}`;
    where there are none, `thumbnail_note` says why.
    """

    __tablename__ = "job_outputs"

    job_id: int = Field(sa_column=of_a_job(primary_key=True))
    number: int = Field(sa_column=Column("number", Integer, primary_key=True, autoincrement=False))
    kind: OutputKind = Field(sa_column=word("kind", OutputKind))
    node_id: str = Field(sa_column=Column("node_id", String(255), nullable=False))
    node_class: str | None = Field(default=None, sa_column=Column("node_class", String(255)))
    node_title: str | None = Field(default=None, sa_column=Column("node_title", String(255)))
    key: str | None = Field(default=None, sa_column=Column("key", String(255)))
    server_filename: str | None = Field(default=None, sa_column=Column("server_filename", String(255)))
    type: str | None = Field(default=None, sa_column=Column("type", String(20)))
    filename: str = Field(sa_column=Column("filename", String(255), nullable=False))
    path: str = Field(sa_column=Column("path", Text, nullable=False, unique=True))
    media_type: str = Field(sa_column=Column("media_type", String(127), nullable=False))
    size_bytes: int = Field(sa_column=Column("size_bytes", BigInteger, nullable=False))
    sha256: str = Field(sa_column=Column("sha256", String(64), nullable=False))
    width: int | None = None
    height: int | None = None
    duration_ms: int | None = None
    thumbnails: dict[str, dict[str, Any]] = Field(default_factory=dict, sa_column=document("thumbnails", "{}"))
    thumbnail_note: str | None = Field(default=None, sa_column=Column("thumbnail_note", Text))
    created_at: datetime = Field(default=None, sa_column=moment("created_at", nullable=False, now=True))

    __table_args__ = (
        one_of("kind", OutputKind),
        # Which jobs have thumbnails that may go.
        Index("ix_job_outputs_thumbnails", "job_id", postgresql_where="thumbnails <> '{}'::jsonb"),
    )

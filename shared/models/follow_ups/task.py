"""A task: work that takes long and is no job, how far it is, and what came of it."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, SmallInteger, String, Text, Uuid, text
from sqlmodel import Field, SQLModel

from shared.database.columns import document, moment, of_a_job, of_a_user, one_of, word


class TaskKind(StrEnum):
    DELETE_JOBS = "delete_jobs"
    RETRY_JOBS = "retry_jobs"
    CANCEL_JOBS = "cancel_jobs"
    TAG_JOBS = "tag_jobs"
    PRIORITIZE_JOBS = "prioritize_jobs"
    REPORT = "report"
    EXPORT = "export"
    IMPORT = "import"
    THUMBNAILS = "thumbnails"
    MOVE_FILES = "move_files"


class TaskState(StrEnum):
    WAITING = "waiting"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        return self in {TaskState.COMPLETED, TaskState.FAILED, TaskState.CANCELLED}


class Task(SQLModel, table=True):
    """One row of `tasks`. `parameters` are what was asked for, `terms` what whoever asked may have.

    It is done page by page, and `cursor` says where the next one begins. `done` of `total` things are done; `total` is
    NULL until they are counted. `result` is what came of the pages so far; `file` says what there is to download, once
    it is complete: `{path, filename, media_type, size_bytes, sha256}`.
    Until `due_at` the worker `worker_id` has it, or nobody may. `claims` counts how often it was given to one: every
    write of a worker names the claim it holds. `attempts` counts the claims since a page was last done.
    After `expires_at` nobody needs it any more.
    """

    __tablename__ = "tasks"

    id: UUID = Field(default_factory=uuid4, sa_column=Column("id", Uuid, primary_key=True))
    user_id: UUID = Field(sa_column=of_a_user())
    kind: TaskKind = Field(sa_column=word("kind", TaskKind))
    parameters: dict[str, Any] = Field(default_factory=dict, sa_column=document("parameters", "{}"))
    terms: dict[str, Any] = Field(default_factory=dict, sa_column=document("terms", "{}"))
    state: TaskState = Field(default=TaskState.WAITING, sa_column=word("state", TaskState))
    done: int = Field(default=0, sa_column=Column("done", BigInteger, nullable=False, server_default=text("0")))
    total: int | None = Field(default=None, sa_column=Column("total", BigInteger))
    cursor: dict[str, Any] = Field(default_factory=dict, sa_column=document("cursor", "{}"))
    result: dict[str, Any] = Field(default_factory=dict, sa_column=document("result", "{}"))
    file: dict[str, Any] | None = Field(default=None, sa_column=document("file", None))
    due_at: datetime = Field(default=None, sa_column=moment("due_at", nullable=False, now=True))
    worker_id: str | None = Field(default=None, sa_column=Column("worker_id", String(255)))
    claims: int = Field(default=0, sa_column=Column("claims", Integer, nullable=False, server_default=text("0")))
    attempts: int = Field(
        default=0, sa_column=Column("attempts", SmallInteger, nullable=False, server_default=text("0"))
    )
    cancel_requested: bool = Field(
        default=False, sa_column=Column("cancel_requested", Boolean, nullable=False, server_default=text("false"))
    )
    error_code: str | None = Field(default=None, sa_column=Column("error_code", String(64)))
    error_message: str | None = Field(default=None, sa_column=Column("error_message", Text))
    request_id: str | None = Field(default=None, sa_column=Column("request_id", String(128)))
    idempotency_key: str | None = Field(default=None, sa_column=Column("idempotency_key", String(255)))
    request_digest: str | None = Field(default=None, sa_column=Column("request_digest", String(64)))
    created_at: datetime = Field(default=None, sa_column=moment("created_at", nullable=False, now=True))
    updated_at: datetime = Field(default=None, sa_column=moment("updated_at", nullable=False, now=True))
    started_at: datetime | None = Field(default=None, sa_column=moment("started_at"))
    completed_at: datetime | None = Field(default=None, sa_column=moment("completed_at"))
    expires_at: datetime | None = Field(default=None, sa_column=moment("expires_at"))

    __table_args__ = (
        one_of("kind", TaskKind),
        one_of("state", TaskState),
        Index("ix_tasks_due", "due_at", postgresql_where="state IN ('waiting', 'running')"),
        # How many of a user are open.
        Index("ix_tasks_open", "user_id", postgresql_where="state IN ('waiting', 'running')"),
        Index("ix_tasks_list", "user_id", "created_at", "id"),
        Index("ix_tasks_list_all", "created_at", "id"),
        Index("ix_tasks_expires", "expires_at", postgresql_where="expires_at IS NOT NULL"),
        # Of two requests under one key that come at once, one makes the row.
        Index(
            "ix_tasks_key",
            "user_id",
            "idempotency_key",
            unique=True,
            postgresql_where="idempotency_key IS NOT NULL",
        ),
    )


class ImportedJob(SQLModel, table=True):
    """One row of `imported_jobs`: which job of a user was imported, and what it is called in every archive it is in."""

    __tablename__ = "imported_jobs"

    user_id: UUID = Field(sa_column=Column("user_id", Uuid, ForeignKey("users.id"), primary_key=True))
    source: str = Field(sa_column=Column("source", String(100), primary_key=True))
    job_id: int = Field(sa_column=of_a_job(unique=True))

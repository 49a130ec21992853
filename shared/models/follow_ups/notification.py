"""What users are told, by which way, and what is still to be told to whom."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import BigInteger, Boolean, Column, Identity, Index, Integer, LargeBinary, String, Text, Uuid, text
from sqlmodel import Field, SQLModel

from shared.database.columns import document, empty_list, moment, names, of_a_user, one_of, word


class NotificationKind(StrEnum):
    JOB_COMPLETED = "job_completed"
    JOB_FAILED = "job_failed"  # or it expired
    BATCH_DONE = "batch_done"  # all jobs that were submitted together have ended
    SERVER_TROUBLE = "server_trouble"
    SERVER_SOLVED = "server_solved"
    WEBHOOK_DISABLED = "webhook_disabled"


class MailState(StrEnum):
    PENDING = "pending"
    SENT = "sent"
    FAILED = "failed"
    DROPPED = "dropped"  # its user wants none any more


class NotificationSettings(SQLModel, table=True):
    """One row of `notification_settings`: what a user wants to be told, by channel. A user without one is told nothing.

    `address` is verified; `pending_address` is not yet: until `code_expires_at` the code of this hash verifies it.
    Since `codes_since`, `codes_sent` were mailed. `secret` signs what ends the user's e-mail by a click. The last
    e-mail of news was made at `mailed_at`, the next one is at `mail_due_at`, if there is anything to tell. Whoever
    writes or changes several of a user's notifications holds this row first.
    """

    __tablename__ = "notification_settings"

    user_id: UUID = Field(sa_column=of_a_user(primary_key=True))
    in_app: list[str] = Field(default_factory=empty_list, sa_column=names("in_app"))
    email: list[str] = Field(default_factory=empty_list, sa_column=names("email"))
    webhook: list[str] = Field(default_factory=empty_list, sa_column=names("webhook"))
    address: str | None = Field(default=None, sa_column=Column("address", String(254)))
    pending_address: str | None = Field(default=None, sa_column=Column("pending_address", String(254)))
    code_hash: bytes | None = Field(default=None, sa_column=Column("code_hash", LargeBinary), repr=False)
    code_expires_at: datetime | None = Field(default=None, sa_column=moment("code_expires_at"))
    codes_sent: int = Field(
        default=0, sa_column=Column("codes_sent", Integer, nullable=False, server_default=text("0"))
    )
    codes_since: datetime | None = Field(default=None, sa_column=moment("codes_since"))
    secret: bytes = Field(sa_column=Column("secret", LargeBinary, nullable=False), repr=False)
    mailed_at: datetime | None = Field(default=None, sa_column=moment("mailed_at"))
    mail_due_at: datetime | None = Field(default=None, sa_column=moment("mail_due_at"))

    __table_args__ = (
        Index("ix_notification_settings_mail", "mail_due_at", postgresql_where="mail_due_at IS NOT NULL"),
    )


class Notification(SQLModel, table=True):
    """One row of `notifications`. Those of a user are numbered in the order of their commits, with gaps.

    `in_app` says whether its user finds it in the list. `mail_owed` says that an e-mail is still to tell of it.
    `data` is what there is to say of the job, the batch or the server.
    """

    __tablename__ = "notifications"

    id: int = Field(default=None, sa_column=Column("id", BigInteger, Identity(), primary_key=True))
    user_id: UUID = Field(sa_column=of_a_user())
    kind: NotificationKind = Field(sa_column=word("kind", NotificationKind))
    job_id: int | None = None
    batch_id: UUID | None = None
    server: str | None = Field(default=None, sa_column=Column("server", String(255)))
    data: dict[str, Any] = Field(default_factory=dict, sa_column=document("data", "{}"))
    in_app: bool = Field(sa_column=Column("in_app", Boolean, nullable=False))
    read_at: datetime | None = Field(default=None, sa_column=moment("read_at"))
    mail_owed: bool = Field(sa_column=Column("mail_owed", Boolean, nullable=False))
    created_at: datetime = Field(default=None, sa_column=moment("created_at", nullable=False, now=True))

    __table_args__ = (
        one_of("kind", NotificationKind),
        Index("ix_notifications_user", "user_id", "id", postgresql_where="in_app"),
        Index("ix_notifications_unread", "user_id", "id", postgresql_where="in_app AND read_at IS NULL"),
        Index("ix_notifications_mail", "user_id", "id", postgresql_where="mail_owed"),
        Index("ix_notifications_job", "job_id", postgresql_where="job_id IS NOT NULL"),
        Index("ix_notifications_created", "created_at"),
    )


class NotificationBatch(SQLModel, table=True):
    """One row of `notification_batches`: a batch whose owner is to be told once all of it has ended. Whether it has is
    looked up at `look_at`; once it was, `told_at` is set."""

    __tablename__ = "notification_batches"

    batch_id: UUID = Field(sa_column=Column("batch_id", Uuid, primary_key=True))
    user_id: UUID = Field(sa_column=of_a_user())
    look_at: datetime = Field(default=None, sa_column=moment("look_at", nullable=False, now=True))
    told_at: datetime | None = Field(default=None, sa_column=moment("told_at"))
    created_at: datetime = Field(default=None, sa_column=moment("created_at", nullable=False, now=True))

    __table_args__ = (
        Index("ix_notification_batches_look", "look_at", postgresql_where="told_at IS NULL"),
        Index("ix_notification_batches_created", "created_at"),
    )


class Mail(SQLModel, table=True):
    """One row of `mails`: an e-mail, the same however often it is tried. `template` names its words, `data` fills them,
    and is empty once it is sent or given up."""

    __tablename__ = "mails"

    id: UUID = Field(default_factory=uuid4, sa_column=Column("id", Uuid, primary_key=True))
    user_id: UUID = Field(sa_column=of_a_user())
    address: str = Field(sa_column=Column("address", String(254), nullable=False))
    template: str = Field(sa_column=Column("template", String(50), nullable=False))
    data: dict[str, Any] = Field(default_factory=dict, sa_column=document("data", "{}"))
    state: MailState = Field(default=MailState.PENDING, sa_column=word("state", MailState))
    tries: int = Field(default=0, sa_column=Column("tries", Integer, nullable=False, server_default=text("0")))
    due_at: datetime = Field(default=None, sa_column=moment("due_at", nullable=False, now=True))
    created_at: datetime = Field(default=None, sa_column=moment("created_at", nullable=False, now=True))
    last_tried_at: datetime | None = Field(default=None, sa_column=moment("last_tried_at"))
    last_error: str | None = Field(default=None, sa_column=Column("last_error", String(255)))

    __table_args__ = (
        one_of("state", MailState),
        Index("ix_mails_due", "due_at", postgresql_where="state = 'pending'"),
        Index("ix_mails_user", "user_id", "created_at"),
        Index("ix_mails_created", "created_at"),
    )


class ServerTrouble(SQLModel, table=True):
    """One row of `server_troubles`: a server that is, or was a while ago, in trouble since `since`; last seen so at
    `last_at`, in `state` and with this `problem`. Admins were told at `told_at`."""

    __tablename__ = "server_troubles"

    server: str = Field(sa_column=Column("server", String(255), primary_key=True))
    state: str = Field(sa_column=Column("state", String(20), nullable=False))
    problem: str | None = Field(default=None, sa_column=Column("problem", Text))
    since: datetime = Field(default=None, sa_column=moment("since", nullable=False, now=True))
    last_at: datetime = Field(default=None, sa_column=moment("last_at", nullable=False, now=True))
    told_at: datetime | None = Field(default=None, sa_column=moment("told_at"))

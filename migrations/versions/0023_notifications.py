"""Add notifications: what users want to be told and by which way, what they were told, and the e-mail that carries it.

Down again, all of it is gone: users have to say once more what they want, and to verify their addresses.
"""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "notifications"
down_revision = "schedules"
branch_labels = None
depends_on = None

# What the way down deletes, see migrations.losses.
LOSES = ("notification_settings", "notifications", "notification_batches", "mails", "server_troubles")
KINDS = "'job_completed', 'job_failed', 'batch_done', 'server_trouble', 'server_solved'"


def moment(name: str, *, now: bool = False) -> sa.Column[datetime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=not now, server_default=sa.func.now() if now else None)


def of_a_user(*, primary_key: bool = False) -> sa.Column[Any]:
    return sa.Column("user_id", sa.Uuid, sa.ForeignKey("users.id"), nullable=False, primary_key=primary_key)


def events(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.ARRAY(sa.Text), nullable=False, server_default=sa.text("'{}'::text[]"))


def data() -> sa.Column[Any]:
    return sa.Column("data", JSONB, nullable=False, server_default=sa.text("'{}'::jsonb"))


def count(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, nullable=False, server_default=sa.text("0"))


def index(name: str, table: str, columns: list[str], where: str | None = None) -> None:
    op.create_index(name, table, columns, postgresql_where=sa.text(where) if where else None)


def upgrade() -> None:
    # Behind someone who stays it gives up, or all others would queue too.
    op.execute("SET LOCAL lock_timeout = '30s'")
    add_settings()
    add_notifications()
    add_batches()
    add_mails()
    op.create_table(
        "server_troubles",
        sa.Column("server", sa.String(255), primary_key=True),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("problem", sa.Text),
        moment("since", now=True),
        moment("last_at", now=True),
        moment("told_at"),
    )


def add_settings() -> None:
    op.create_table(
        "notification_settings",
        of_a_user(primary_key=True),
        events("in_app"),
        events("email"),
        events("webhook"),
        sa.Column("address", sa.String(254)),
        sa.Column("pending_address", sa.String(254)),
        sa.Column("code_hash", sa.LargeBinary),
        moment("code_expires_at"),
        count("codes_sent"),
        moment("codes_since"),
        sa.Column("secret", sa.LargeBinary, nullable=False),
        moment("mailed_at"),
        moment("mail_due_at"),
    )
    index("ix_notification_settings_mail", "notification_settings", ["mail_due_at"], "mail_due_at IS NOT NULL")


def add_notifications() -> None:
    op.create_table(
        "notifications",
        sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
        of_a_user(),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("job_id", sa.Integer),
        sa.Column("batch_id", sa.Uuid),
        sa.Column("server", sa.String(255)),
        data(),
        sa.Column("in_app", sa.Boolean, nullable=False),
        moment("read_at"),
        sa.Column("mail_owed", sa.Boolean, nullable=False),
        moment("created_at", now=True),
        sa.CheckConstraint(f"kind IN ({KINDS})", name="kind_known"),
    )
    index("ix_notifications_user", "notifications", ["user_id", "id"], "in_app")
    index("ix_notifications_unread", "notifications", ["user_id", "id"], "in_app AND read_at IS NULL")
    index("ix_notifications_mail", "notifications", ["user_id", "id"], "mail_owed")
    index("ix_notifications_job", "notifications", ["job_id"], "job_id IS NOT NULL")
    index("ix_notifications_created", "notifications", ["created_at"])


def add_batches() -> None:
    op.create_table(
        "notification_batches",
        sa.Column("batch_id", sa.Uuid, primary_key=True),
        of_a_user(),
        moment("look_at", now=True),
        moment("told_at"),
        moment("created_at", now=True),
    )
    index("ix_notification_batches_look", "notification_batches", ["look_at"], "told_at IS NULL")
    index("ix_notification_batches_created", "notification_batches", ["created_at"])


def add_mails() -> None:
    op.create_table(
        "mails",
        sa.Column("id", sa.Uuid, primary_key=True),
        of_a_user(),
        sa.Column("address", sa.String(254), nullable=False),
        sa.Column("template", sa.String(50), nullable=False),
        data(),
        sa.Column("state", sa.String(20), nullable=False),
        count("tries"),
        moment("due_at", now=True),
        moment("created_at", now=True),
        moment("last_tried_at"),
        sa.Column("last_error", sa.String(255)),
        sa.CheckConstraint("state IN ('pending', 'sent', 'failed', 'dropped')", name="state_known"),
    )
    index("ix_mails_due", "mails", ["due_at"], "state = 'pending'")
    index("ix_mails_user", "mails", ["user_id", "created_at"])
    index("ix_mails_created", "mails", ["created_at"])


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '30s'")
    for table in reversed(LOSES):
        op.drop_table(table)

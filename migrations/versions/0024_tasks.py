"""Add tasks, work that takes long and is no job; and which jobs were imported by one.

Down again, they are gone, with what they had found out; what they did to jobs stays done. Jobs that were imported stay,
and an archive that is imported once more makes them once more.
"""

from datetime import datetime

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "tasks"
down_revision = "notifications"
branch_labels = None
depends_on = None

# What the way down deletes, see migrations.losses.
LOSES = ("tasks", "imported_jobs")

KINDS = (
    *("delete_jobs", "retry_jobs", "cancel_jobs", "tag_jobs", "prioritize_jobs"),
    *("report", "export", "import", "thumbnails"),
)
STATES = ("waiting", "running", "completed", "failed", "cancelled")


def moment(name: str, *, now: bool = False) -> sa.Column[datetime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=not now, server_default=sa.func.now() if now else None)


def number(name: str, kind: type[sa.Integer]) -> sa.Column[int]:
    return sa.Column(name, kind, nullable=False, server_default=sa.text("0"))


def object_of(name: str) -> sa.Column[object]:
    return sa.Column(name, JSONB, nullable=False, server_default=sa.text("'{}'::jsonb"))


def known(column: str, words: tuple[str, ...]) -> sa.CheckConstraint:
    listed = ", ".join(f"'{word}'" for word in words)
    return sa.CheckConstraint(f"{column} IN ({listed})", name=f"{column}_known")


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '30s'")
    op.create_table(
        "tasks",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("user_id", sa.Uuid, sa.ForeignKey("users.id"), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        object_of("parameters"),
        object_of("terms"),
        sa.Column("state", sa.String(20), nullable=False),
        number("done", sa.BigInteger),
        sa.Column("total", sa.BigInteger),
        object_of("cursor"),
        object_of("result"),
        sa.Column("file", JSONB),
        moment("due_at", now=True),
        sa.Column("worker_id", sa.String(255)),
        number("claims", sa.Integer),
        number("attempts", sa.SmallInteger),
        sa.Column("cancel_requested", sa.Boolean, nullable=False, server_default=sa.text("false")),
        sa.Column("error_code", sa.String(64)),
        sa.Column("error_message", sa.Text),
        sa.Column("request_id", sa.String(128)),
        moment("created_at", now=True),
        moment("updated_at", now=True),
        *map(moment, ("started_at", "completed_at", "expires_at")),
        known("kind", KINDS),
        known("state", STATES),
    )
    op.create_table(
        "imported_jobs",
        sa.Column("user_id", sa.Uuid, sa.ForeignKey("users.id"), primary_key=True),
        sa.Column("source", sa.String(100), primary_key=True),
        sa.Column(
            "job_id", sa.Integer, sa.ForeignKey("generation_jobs.id", ondelete="CASCADE"), nullable=False, unique=True
        ),
    )
    add_indexes()


def add_indexes() -> None:
    is_open, expires = sa.text("state IN ('waiting', 'running')"), sa.text("expires_at IS NOT NULL")
    op.create_index("ix_tasks_due", "tasks", ["due_at"], postgresql_where=is_open)
    op.create_index("ix_tasks_open", "tasks", ["user_id"], postgresql_where=is_open)
    op.create_index("ix_tasks_list", "tasks", ["user_id", "created_at", "id"])
    op.create_index("ix_tasks_list_all", "tasks", ["created_at", "id"])
    op.create_index("ix_tasks_expires", "tasks", ["expires_at"], postgresql_where=expires)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '30s'")
    op.drop_table("imported_jobs")
    op.drop_table("tasks")

"""Add what clean-ups go by: pinned jobs, how long what of a user is kept, and how far each clean-up has come.

Tables that lose many rows at a time are vacuumed after a fiftieth of their rows, not a fifth. Down again, what is
pinned and kept for whom is forgotten.
"""

from datetime import datetime

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "clean_up"
down_revision = "tasks"
branch_labels = None
depends_on = None

# What the way down deletes, see migrations.losses.
LOSES = ("generation_jobs.pinned", "users.retention", "clean_ups")

LOSE_MANY_ROWS = (
    *("generation_jobs", "job_events", "job_attempts", "job_outputs"),
    *("webhook_deliveries", "discarded_folders"),
)


def moment(name: str, *, now: bool = False) -> sa.Column[datetime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=not now, server_default=sa.func.now() if now else None)


def number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=False, server_default=sa.text("0"))


def upgrade() -> None:
    # Behind someone who stays it gives up, or all others would queue too.
    op.execute("SET LOCAL lock_timeout = '30s'")
    is_pinned = sa.Column("pinned", sa.Boolean, nullable=False, server_default=sa.text("false"))
    op.add_column("generation_jobs", is_pinned)
    op.create_index(
        "ix_generation_jobs_pinned",
        "generation_jobs",
        ["user_id", sa.text("created_at DESC"), sa.text("id DESC")],
        postgresql_where=sa.text("pinned"),
    )
    op.add_column("users", sa.Column("retention", JSONB, nullable=False, server_default=sa.text("'{}'::jsonb")))
    op.create_index("ix_discarded_folders_created", "discarded_folders", ["created_at", "folder"])
    op.create_table(
        "clean_ups",
        sa.Column("name", sa.String(50), primary_key=True),
        moment("due_at", now=True),
        moment("claimed_until"),
        sa.Column("holder", sa.String(64)),
        sa.Column("place", sa.Text),
        moment("began_at"),
        moment("ended_at"),
        number("removed"),
        number("size_bytes"),
        sa.Column("problem", sa.Text),
    )
    for table in LOSE_MANY_ROWS:
        op.execute(f"ALTER TABLE {table} SET (autovacuum_vacuum_scale_factor = 0.02)")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '30s'")
    for table in LOSE_MANY_ROWS:
        op.execute(f"ALTER TABLE {table} RESET (autovacuum_vacuum_scale_factor)")
    op.drop_table("clean_ups")
    op.drop_index("ix_discarded_folders_created", "discarded_folders")
    op.drop_column("users", "retention")
    op.drop_index("ix_generation_jobs_pinned", "generation_jobs")
    op.drop_column("generation_jobs", "pinned")

"""Note what users use as attempts and jobs end, add it up by day, and let a user have a budget.

Usage is counted from here on: what ended before is not in it. Down again, it is forgotten, with the budgets.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "usage"
down_revision = "browsers"
branch_labels = None
depends_on = None

# What the way down deletes, see migrations.losses.
LOSES = ("usage_days", "usage_notes", "users.budget", "generation_jobs.key_id")

COUNTS = ("attempts", "gpu_us", "lost_us", "completed", "failed", "cancelled", "expired", "bytes")


def columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("user_id", sa.Uuid, nullable=False),
        sa.Column("day", sa.Date, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("key_id", "checkpoint", "server")),
        *(sa.Column(name, sa.BigInteger, nullable=False, server_default=sa.text("0")) for name in COUNTS),
    ]


def upgrade() -> None:
    # Behind someone who stays it gives up, or all others would queue too.
    op.execute("SET LOCAL lock_timeout = '30s'")
    op.create_table(
        "usage_days",
        *columns(),
        sa.PrimaryKeyConstraint("user_id", "day", "key_id", "checkpoint", "server"),
    )
    op.create_index("ix_usage_days_day", "usage_days", ["day"])
    op.create_table(
        "usage_notes",
        *columns(),
        sa.Column("id", sa.BigInteger, sa.Identity(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "id"),
    )
    # All of it goes within seconds.
    op.execute("ALTER TABLE usage_notes SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000)")
    op.add_column("users", sa.Column("budget", JSONB, nullable=False, server_default=sa.text("'{}'::jsonb")))
    op.add_column("generation_jobs", sa.Column("key_id", sa.String(32)))


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '30s'")
    op.drop_column("generation_jobs", "key_id")
    op.drop_column("users", "budget")
    op.drop_table("usage_notes")
    op.drop_table("usage_days")

"""Add schedules, and of which schedule a job is.

Down again, no job is made again and again; those that were made stay.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "schedules"
down_revision = "keys_of_uploads"
branch_labels = None
depends_on = None

# What the way down deletes, see migrations.losses.
LOSES = ("schedules", "generation_jobs.schedule_id")


def upgrade() -> None:
    # Behind someone who stays it gives up, or all others would queue too.
    op.execute("SET LOCAL lock_timeout = '30s'")
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "schedules",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("user_id", sa.Uuid, sa.ForeignKey("users.id"), nullable=False),
        sa.Column("key_id", sa.String(32), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("cron", sa.String(100), nullable=False),
        sa.Column("time_zone", sa.String(64), nullable=False),
        sa.Column("overlap", sa.String(20), nullable=False),
        sa.Column("missed", sa.String(20), nullable=False),
        sa.Column("paused", sa.Boolean, nullable=False, server_default=sa.text("false")),
        sa.Column("paused_reason", sa.String(255)),
        sa.Column("asked", JSONB, nullable=False, server_default=sa.text("'{}'::jsonb")),
        sa.Column("template", JSONB, nullable=False, server_default=sa.text("'{}'::jsonb")),
        sa.Column("webhook_url", sa.Text),
        sa.Column("webhook_secret", sa.LargeBinary),
        *(sa.Column(name, moment) for name in ("next_at", "last_planned_at", "last_made_at")),
        sa.Column("last_job_id", sa.Integer),
        sa.Column("last_skip", JSONB),
        sa.Column("skips", sa.Integer, nullable=False, server_default=sa.text("0")),
        *(
            sa.Column(name, moment, nullable=False, server_default=sa.func.now())
            for name in ("created_at", "updated_at")
        ),
        sa.CheckConstraint("overlap IN ('skip', 'queue')", name="overlap_known"),
        sa.CheckConstraint("missed IN ('run_once', 'skip')", name="missed_known"),
    )
    index_schedules()
    add_to_jobs()


def index_schedules() -> None:
    op.create_index("ix_schedules_user", "schedules", ["user_id", "created_at", "id"])
    op.create_index("ix_schedules_due", "schedules", ["next_at"], postgresql_where=sa.text("next_at IS NOT NULL"))


def add_to_jobs() -> None:
    op.add_column("generation_jobs", sa.Column("schedule_id", sa.Uuid))
    op.create_index(
        "ix_generation_jobs_schedule",
        "generation_jobs",
        ["schedule_id", "created_at", "id"],
        postgresql_where=sa.text("schedule_id IS NOT NULL"),
    )
    op.create_index(
        "ix_generation_jobs_schedule_live",
        "generation_jobs",
        ["schedule_id"],
        postgresql_where=sa.text(
            "schedule_id IS NOT NULL AND status IN ('pending', 'queued', 'running', 'cancelling')"
        ),
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '30s'")
    op.drop_index("ix_generation_jobs_schedule_live", "generation_jobs")
    op.drop_index("ix_generation_jobs_schedule", "generation_jobs")
    op.drop_column("generation_jobs", "schedule_id")
    op.drop_table("schedules")

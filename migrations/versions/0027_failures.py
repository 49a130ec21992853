"""Add what failures are grouped by, which groups users have muted, and which workflows take servers down.

Jobs that failed before are in no group, and count against no workflow.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "failures"
down_revision = "turns"
branch_labels = None
depends_on = None

# What the way down deletes, see migrations.losses.
LOSES = ("generation_jobs.failure", "muted_failures", "suspect_workflows")


def upgrade() -> None:
    # Behind someone who stays it gives up, or all others would queue too.
    op.execute("SET LOCAL lock_timeout = '30s'")
    op.add_column("generation_jobs", sa.Column("failure", sa.String(16)))
    op.create_index(
        "ix_generation_jobs_list_failure",
        "generation_jobs",
        ["user_id", "failure", sa.text("created_at DESC"), sa.text("id DESC")],
        postgresql_include=["completed_at", "server", "error_code"],
        postgresql_where=sa.text("failure IS NOT NULL"),
    )
    op.create_table(
        "muted_failures",
        sa.Column("user_id", sa.Uuid, sa.ForeignKey("users.id"), primary_key=True),
        sa.Column("failure", sa.String(16), primary_key=True),
        sa.Column("muted_until", sa.DateTime(timezone=True), nullable=False),
    )
    create_suspects()


def create_suspects() -> None:
    now = sa.func.now()
    op.create_table(
        "suspect_workflows",
        sa.Column("fingerprint", sa.String(16), primary_key=True),
        sa.Column("error_code", sa.String(64), nullable=False),
        sa.Column("strikes", sa.SmallInteger, nullable=False, server_default=sa.text("0")),
        sa.Column("servers", ARRAY(sa.Text), nullable=False, server_default=sa.text("'{}'::text[]")),
        sa.Column("user_ids", ARRAY(sa.Uuid), nullable=False, server_default=sa.text("'{}'::uuid[]")),
        sa.Column("job_id", sa.Integer, nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False, server_default=now),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False, server_default=now),
        sa.Column("quarantined_at", sa.DateTime(timezone=True)),
    )
    op.create_index(
        "ix_suspect_workflows_quarantined",
        "suspect_workflows",
        [sa.text("quarantined_at DESC"), sa.text("fingerprint DESC")],
        postgresql_where=sa.text("quarantined_at IS NOT NULL"),
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '30s'")
    op.drop_table("suspect_workflows")
    op.drop_table("muted_failures")
    op.drop_index("ix_generation_jobs_list_failure", "generation_jobs")
    op.drop_column("generation_jobs", "failure")

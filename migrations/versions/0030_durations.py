"""Add how long the latest jobs of each kind took on each server, and what of a job that is learned by.

Nothing is known at first: it is learned again within as many jobs as it takes.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "durations"
down_revision = "parked_and_paused"
branch_labels = None
depends_on = None

# What the way down deletes, see migrations.losses.
LOSES = ("generation_jobs.shape", "generation_jobs.work", "generation_jobs.expected_s", "job_durations")

LEARNED_BY = (
    sa.Column("shape", sa.String(16)),
    sa.Column("work", sa.Float),
    sa.Column("expected_s", sa.Float),
)


def upgrade() -> None:
    # Behind someone who stays it gives up, or all others would queue too.
    op.execute("SET LOCAL lock_timeout = '30s'")
    for column in LEARNED_BY:
        op.add_column("generation_jobs", column._copy())
    op.create_table(
        "job_durations",
        sa.Column("workflow_key", sa.String(16), primary_key=True),
        sa.Column("server", sa.String(255), primary_key=True),
        sa.Column("shape", sa.String(16), nullable=False),
        sa.Column("checkpoint_model", sa.String(255)),
        sa.Column("work", sa.Float, nullable=False),
        sa.Column("seconds", ARRAY(sa.REAL), nullable=False),
        sa.Column("jobs", sa.Integer, nullable=False),
        sa.Column("seen_on", sa.Date, nullable=False),
        # Each row is written over and over: its next version fits beside it, and no index is touched.
        postgresql_with={"fillfactor": 70},
    )
    op.create_index("ix_job_durations_shape", "job_durations", ["shape", "seen_on"])
    op.create_index("ix_job_durations_checkpoint", "job_durations", ["checkpoint_model", "seen_on"])
    op.create_index("ix_job_durations_seen", "job_durations", ["seen_on"])


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '30s'")
    op.drop_table("job_durations")
    for column in LEARNED_BY:
        op.drop_column("generation_jobs", column.name)

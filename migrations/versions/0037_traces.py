"""Keep the span that accepted a job, so that every attempt at it continues the same trace.

Jobs that were accepted before have none: their attempts have a trace of their own.
"""

import sqlalchemy as sa
from alembic import op

revision = "traces"
down_revision = "moving_files"
branch_labels = None
depends_on = None

# What the way down deletes, see migrations.losses.
LOSES = ("generation_jobs.traceparent",)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '30s'")
    op.add_column("generation_jobs", sa.Column("traceparent", sa.String(55)))


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '30s'")
    op.drop_column("generation_jobs", "traceparent")

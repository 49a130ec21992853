"""Find the failures of a time and the outputs that have thumbnails by indexes of their own.

Groups of failures of a day were counted by an index that begins with the failure: all failures of a user were read.
The clean-up of thumbnails looked at all outputs of old jobs with each pass.
"""

import sqlalchemy as sa
from alembic import op

from migrations.indexes import add_index

revision = "newest_failures"
down_revision = "history"
branch_labels = None
depends_on = None

# What the way down deletes, see migrations.losses.
LOSES = ()


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '30s'")
    add_index(
        "ix_generation_jobs_failed",
        "generation_jobs",
        ["user_id", sa.text("completed_at DESC")],
        postgresql_include=["failure", "id", "server", "error_code"],
        postgresql_where="failure IS NOT NULL",
    )
    add_index("ix_job_outputs_thumbnails", "job_outputs", ["job_id"], postgresql_where="thumbnails <> '{}'::jsonb")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '30s'")
    op.drop_index("ix_job_outputs_thumbnails", "job_outputs")
    op.drop_index("ix_generation_jobs_failed", "generation_jobs")

"""Count how often each job may still be given to a worker, so that none is claimed for ever.

Jobs that are there have all of their claims left. Down again, only the count is lost.
"""

import sqlalchemy as sa
from alembic import op

revision = "claims_left"
down_revision = "whose_outputs"
branch_labels = None
depends_on = None

# What the way down deletes, see migrations.losses.
LOSES = ("generation_jobs.claims_left",)


def upgrade() -> None:
    # Behind someone who stays it gives up, or all others would queue too.
    op.execute("SET LOCAL lock_timeout = '30s'")
    op.add_column("generation_jobs", sa.Column("claims_left", sa.SmallInteger))
    op.create_check_constraint(
        "claims_left_suffice", "generation_jobs", "claims_left >= 0 AND (claims_left > 0 OR status <> 'queued')"
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '30s'")
    op.drop_constraint("claims_left_suffice", "generation_jobs")
    op.drop_column("generation_jobs", "claims_left")

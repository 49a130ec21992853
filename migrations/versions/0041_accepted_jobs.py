"""Count the jobs that each user was ever accepted with, so that those that wait need not be counted at each submission.

Nobody has counted those of before, and nobody needs to: what matters is how many are added.
"""

import sqlalchemy as sa
from alembic import op

revision = "accepted_jobs"
down_revision = "days_of_what_is_found"
branch_labels = None
depends_on = None

# What the way down deletes, see migrations.losses.
LOSES = ("user_turns.accepted",)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '30s'")
    op.add_column("user_turns", sa.Column("accepted", sa.BigInteger, nullable=False, server_default=sa.text("0")))


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '30s'")
    op.drop_column("user_turns", "accepted")

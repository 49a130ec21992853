"""Read what waits of a lane in the order of its turns: a move within it read and sorted all of it."""

from alembic import op

from migrations.indexes import add_index, remove_index

revision = "lanes_in_order"
down_revision = "disabled_webhooks"
branch_labels = None
depends_on = None

# What the way down deletes, see migrations.losses.
LOSES = ()

JOBS, LANE = "generation_jobs", "ix_generation_jobs_lane"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '30s'")
    add_index(LANE, JOBS, ["user_id", "priority", "turn", "id"], postgresql_where="status = 'queued'")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '30s'")
    remove_index(LANE, JOBS)

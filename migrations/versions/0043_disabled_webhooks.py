"""Let users be told that a webhook of theirs was disabled.

Down again, what was told of it is gone, and so is the wish to be told.
"""

import sqlalchemy as sa
from alembic import op

revision = "disabled_webhooks"
down_revision = "rows_that_go_with_jobs"
branch_labels = None
depends_on = None

# What the way down deletes, see migrations.losses.
LOSES = ("notifications WHERE kind = 'webhook_disabled'",)

BEFORE = ("job_completed", "job_failed", "batch_done", "server_trouble", "server_solved")
NEW = "webhook_disabled"
CONSTRAINT = "kind_known"
CHANNELS = ("in_app", "email", "webhook")


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '30s'")
    allow((*BEFORE, NEW))


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '30s'")
    op.execute(f"DELETE FROM notifications WHERE kind = '{NEW}'")
    without = ", ".join(f"{channel} = array_remove({channel}, '{NEW}')" for channel in CHANNELS)
    op.execute(f"UPDATE notification_settings SET {without} WHERE '{NEW}' = ANY(in_app || email || webhook)")
    allow(BEFORE)


def allow(kinds: tuple[str, ...]) -> None:
    op.drop_constraint(CONSTRAINT, "notifications")
    op.create_check_constraint(CONSTRAINT, "notifications", sa.column("kind").in_(kinds))

"""Add the idempotency keys of tasks: a task that was asked for under a key is made once.

Down again, a task whose answer was lost is taken for a new one.
"""

import sqlalchemy as sa
from alembic import op

revision = "keys_of_tasks"
down_revision = "waiting_work"
branch_labels = None
depends_on = None

# What the way down deletes, see migrations.losses.
LOSES = ("tasks.idempotency_key", "tasks.request_digest")


def upgrade() -> None:
    # Behind someone who stays it gives up, or all others would queue too.
    op.execute("SET LOCAL lock_timeout = '30s'")
    op.add_column("tasks", sa.Column("idempotency_key", sa.String(255)))
    op.add_column("tasks", sa.Column("request_digest", sa.String(64)))
    op.create_index(
        "ix_tasks_key",
        "tasks",
        ["user_id", "idempotency_key"],
        unique=True,
        postgresql_where=sa.text("idempotency_key IS NOT NULL"),
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '30s'")
    op.drop_index("ix_tasks_key", "tasks")
    op.drop_column("tasks", "request_digest")
    op.drop_column("tasks", "idempotency_key")

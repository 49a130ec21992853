"""Let a task move all files from one store to another."""

import sqlalchemy as sa
from alembic import op

revision = "moving_files"
down_revision = "embeddings"
branch_labels = None
depends_on = None

# What the way down deletes, see migrations.losses.
LOSES = ("tasks WHERE kind = 'move_files'",)

BEFORE = (
    *("delete_jobs", "retry_jobs", "cancel_jobs", "tag_jobs", "prioritize_jobs"),
    *("report", "export", "import", "thumbnails"),
)
CONSTRAINT = "kind_known"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '30s'")
    allow((*BEFORE, "move_files"))


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '30s'")
    op.execute("DELETE FROM tasks WHERE kind = 'move_files'")
    allow(BEFORE)


def allow(kinds: tuple[str, ...]) -> None:
    op.drop_constraint(CONSTRAINT, "tasks")
    op.create_check_constraint(CONSTRAINT, "tasks", sa.column("kind").in_(kinds))

"""Let servers be added and removed while everything runs, give them weights and labels, and let jobs ask for labels.

Down again, what was added is forgotten, and jobs that ask for labels run anywhere.
"""

import sqlalchemy as sa
from alembic import op

revision = "servers_and_labels"
down_revision = "failures"
branch_labels = None
depends_on = None

OF_SERVERS = ("added_at", "removed_at", "moves_jobs", "weight", "labels", "by_hand", "credentials")

# What the way down deletes, see migrations.losses.
LOSES = (*(f"comfyui_servers.{name}" for name in OF_SERVERS), "generation_jobs.requires")


def names(name: str) -> sa.Column[list[str]]:
    return sa.Column(name, sa.ARRAY(sa.Text), nullable=False, server_default=sa.text("'{}'::text[]"))


def upgrade() -> None:
    # Behind someone who stays it gives up, or all others would queue too.
    op.execute("SET LOCAL lock_timeout = '30s'")
    for column in (
        sa.Column("added_at", sa.DateTime(timezone=True)),
        sa.Column("removed_at", sa.DateTime(timezone=True)),
        sa.Column("moves_jobs", sa.Boolean, nullable=False, server_default=sa.text("false")),
        sa.Column("weight", sa.Float, nullable=False, server_default=sa.text("1")),
        names("labels"),
        names("by_hand"),
        sa.Column("credentials", sa.Text),
    ):
        op.add_column("comfyui_servers", column)
    op.create_check_constraint("weight_range", "comfyui_servers", "weight BETWEEN 0.01 AND 100")
    op.add_column("generation_jobs", sa.Column("requires", sa.ARRAY(sa.Text)))


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '30s'")
    op.drop_column("generation_jobs", "requires")
    op.drop_constraint("weight_range", "comfyui_servers")
    for name in reversed(OF_SERVERS):
        op.drop_column("comfyui_servers", name)

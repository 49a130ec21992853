"""Let a server that no worker names any more be told from one that only does not answer.

Servers that are there count as named just now.
"""

import sqlalchemy as sa
from alembic import op

revision = "named_servers"
down_revision = "fleet"
branch_labels = None
depends_on = None

# What the way down deletes, see migrations.losses.
LOSES: tuple[str, ...] = ()


def upgrade() -> None:
    # Behind someone who stays it gives up, or all others would queue too.
    op.execute("SET LOCAL lock_timeout = '30s'")
    named_at = sa.Column("named_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now())
    op.add_column("comfyui_servers", named_at)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '30s'")
    op.drop_column("comfyui_servers", "named_at")

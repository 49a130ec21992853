"""Note what the models of a server are, as the nodes that Krita AI Diffusion works with tell it.

Until a worker reads a server again, which it does at its start, nothing is known.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "model_info"
down_revision = "lanes_in_order"
branch_labels = None
depends_on = None

# What the way down deletes, see migrations.losses.
LOSES = ("server_capabilities.model_info",)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '30s'")
    model_info: sa.Column[object] = sa.Column(
        "model_info", JSONB, nullable=False, server_default=sa.text("'{}'::jsonb")
    )
    op.add_column("server_capabilities", model_info)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '30s'")
    op.drop_column("server_capabilities", "model_info")

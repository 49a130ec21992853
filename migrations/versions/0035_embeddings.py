"""Note which embeddings a server lists, as no node class of it does.

Until a worker reads a server again, which it does at its start, none are known.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "embeddings"
down_revision = "usage"
branch_labels = None
depends_on = None

# What the way down deletes, see migrations.losses.
LOSES = ("server_capabilities.embeddings",)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '30s'")
    embeddings: sa.Column[list[str]] = sa.Column(
        "embeddings", ARRAY(sa.Text), nullable=False, server_default=sa.text("'{}'::text[]")
    )
    op.add_column("server_capabilities", embeddings)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '30s'")
    op.drop_column("server_capabilities", "embeddings")

"""Add the idempotency keys of uploads: each goes with the asset that it made or found.

Down again, an upload whose answer was lost is taken for a new one.
"""

import sqlalchemy as sa
from alembic import op

revision = "keys_of_uploads"
down_revision = "webhooks_of_jobs"
branch_labels = None
depends_on = None

# What the way down deletes, see migrations.losses.
LOSES = ("asset_keys",)


def upgrade() -> None:
    # Behind someone who stays it gives up, or all others would queue too.
    op.execute("SET LOCAL lock_timeout = '30s'")
    op.create_table(
        "asset_keys",
        sa.Column("user_id", sa.Uuid, sa.ForeignKey("users.id"), primary_key=True),
        sa.Column("key", sa.String(255), primary_key=True),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("asset_id", sa.Uuid, sa.ForeignKey("assets.id", ondelete="CASCADE"), nullable=False),
    )
    op.create_index("ix_asset_keys_asset", "asset_keys", ["asset_id"])


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '30s'")
    op.drop_table("asset_keys")

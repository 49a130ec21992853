"""Note until when a webhook is sent nothing, because its receiver asked for a pause."""

import sqlalchemy as sa
from alembic import op

revision = "webhooks_that_rest"
down_revision = "model_info"
branch_labels = None
depends_on = None

# What the way down deletes, see migrations.losses.
LOSES = ("webhook_endpoints.rests_until",)

ENDPOINTS = "webhook_endpoints"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '30s'")
    op.add_column(ENDPOINTS, sa.Column("rests_until", sa.DateTime(timezone=True)))


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '30s'")
    op.drop_column(ENDPOINTS, "rests_until")

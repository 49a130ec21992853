"""Add the secrets that the URLs of files are signed with; and webhooks, with what is owed to each.

Down again, they are gone, and so is the right that such a URL gives; each would have ended within a week at most.
"""

from datetime import datetime

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "webhooks"
down_revision = "native_prompts"
branch_labels = None
depends_on = None

# What the way down deletes, see migrations.losses.
LOSES = ("url_secrets", "webhook_endpoints", "webhook_deliveries")


def moment(name: str, *, now: bool = False) -> sa.Column[datetime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=not now, server_default=sa.func.now() if now else None)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '30s'")
    op.create_table(
        "url_secrets",
        sa.Column("id", sa.Integer, sa.Identity(), primary_key=True),
        sa.Column("secret", sa.LargeBinary, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
    )
    add_endpoints()
    add_deliveries()
    add_indexes()


def add_endpoints() -> None:
    op.create_table(
        "webhook_endpoints",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("user_id", sa.Uuid, sa.ForeignKey("users.id"), nullable=False),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("description", sa.String(255)),
        sa.Column("event_types", sa.ARRAY(sa.Text), nullable=False, server_default=sa.text("'{}'::text[]")),
        sa.Column("metadata_filter", JSONB, nullable=False, server_default=sa.text("'{}'::jsonb")),
        sa.Column("enabled", sa.Boolean, nullable=False, server_default=sa.text("true")),
        sa.Column("disabled_reason", sa.String(255)),
        sa.Column("secret", sa.LargeBinary, nullable=False),
        sa.Column("previous_secret", sa.LargeBinary),
        moment("previous_until"),
        sa.Column("failures", sa.Integer, nullable=False, server_default=sa.text("0")),
        moment("failing_since"),
        moment("created_at", now=True),
    )
    op.create_index("ix_webhook_endpoints_user", "webhook_endpoints", ["user_id", "created_at", "id"])


def add_deliveries() -> None:
    op.create_table(
        "webhook_deliveries",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("endpoint_id", sa.Uuid, sa.ForeignKey("webhook_endpoints.id", ondelete="CASCADE"), nullable=False),
        sa.Column("job_id", sa.Integer),
        sa.Column("type", sa.String(50), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("tries", sa.Integer, nullable=False, server_default=sa.text("0")),
        moment("due_at", now=True),
        moment("claimed_until"),
        moment("created_at", now=True),
        moment("last_tried_at"),
        sa.Column("last_status", sa.Integer),
        sa.Column("last_error", sa.String(255)),
        sa.Column("last_answer", sa.Text),
        sa.Column("last_ms", sa.Integer),
        sa.CheckConstraint("state IN ('pending', 'delivered', 'failed')", name="state_known"),
    )


def add_indexes() -> None:
    deliveries = "webhook_deliveries"
    pending, claimed = sa.text("state = 'pending'"), sa.text("claimed_until IS NOT NULL")
    op.create_index("ix_webhook_deliveries_due", deliveries, ["endpoint_id", "due_at"], postgresql_where=pending)
    op.create_index("ix_webhook_deliveries_claimed", deliveries, ["endpoint_id"], postgresql_where=claimed)
    op.create_index("ix_webhook_deliveries_log", deliveries, ["endpoint_id", "created_at", "id"])
    op.create_index("ix_webhook_deliveries_created", deliveries, ["created_at"])


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '30s'")
    op.drop_table("webhook_deliveries")
    op.drop_table("webhook_endpoints")
    op.drop_table("url_secrets")

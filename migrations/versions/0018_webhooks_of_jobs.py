"""Add where single jobs want to be told of their end, and what such a delivery needs of its own.

Down again, it is gone: those jobs end without telling.
"""

import sqlalchemy as sa
from alembic import op

revision = "webhooks_of_jobs"
down_revision = "webhooks"
branch_labels = None
depends_on = None

# What the way down deletes, see migrations.losses.
LOSES = ("job_webhooks", "webhook_deliveries.url", "webhook_deliveries.secret", "webhook_endpoints.of_jobs")


def upgrade() -> None:
    # Behind someone who stays it gives up, or all others would queue too.
    op.execute("SET LOCAL lock_timeout = '30s'")
    op.create_table(
        "job_webhooks",
        sa.Column("job_id", sa.Integer, sa.ForeignKey("generation_jobs.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("secret", sa.LargeBinary),
    )
    is_of_jobs = sa.Column("of_jobs", sa.Boolean, nullable=False, server_default=sa.text("false"))
    op.add_column("webhook_endpoints", is_of_jobs)
    op.create_index(
        "ix_webhook_endpoints_of_jobs",
        "webhook_endpoints",
        ["user_id"],
        unique=True,
        postgresql_where=sa.text("of_jobs"),
    )
    op.add_column("webhook_deliveries", sa.Column("url", sa.Text))
    op.add_column("webhook_deliveries", sa.Column("secret", sa.LargeBinary))


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '30s'")
    # Without a URL of its own a delivery would go nowhere, and so would its endpoint.
    op.execute("DELETE FROM webhook_endpoints WHERE of_jobs")
    op.drop_column("webhook_deliveries", "secret")
    op.drop_column("webhook_deliveries", "url")
    op.drop_index("ix_webhook_endpoints_of_jobs", "webhook_endpoints")
    op.drop_column("webhook_endpoints", "of_jobs")
    op.drop_table("job_webhooks")

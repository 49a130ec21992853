"""Let a ticket be used again by the client whose stream it opened, and by no other.

Down again, tickets that were used are deleted: they would open a second stream.
"""

import sqlalchemy as sa
from alembic import op

revision = "resumable_tickets"
down_revision = "named_servers"
branch_labels = None
depends_on = None

# What the way down deletes, see migrations.losses.
LOSES: tuple[str, ...] = ()


def upgrade() -> None:
    # Behind someone who stays it gives up, or all others would queue too.
    op.execute("SET LOCAL lock_timeout = '30s'")
    op.add_column("stream_tickets", sa.Column("stream_hash", sa.LargeBinary))
    op.add_column("stream_tickets", sa.Column("resume_hash", sa.LargeBinary))
    op.add_column("stream_tickets", sa.Column("resumable_until", sa.DateTime(timezone=True)))
    op.add_column("stream_tickets", sa.Column("connections", sa.Integer, nullable=False, server_default=sa.text("0")))


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '30s'")
    op.execute("DELETE FROM stream_tickets WHERE connections > 0")
    for column in ("connections", "resumable_until", "resume_hash", "stream_hash"):
        op.drop_column("stream_tickets", column)

"""Keep samples of the queue and the fleet, for charts of what rows of today do not say."""

import sqlalchemy as sa
from alembic import op

revision = "history"
down_revision = "traces"
branch_labels = None
depends_on = None

# What the way down deletes, see migrations.losses.
LOSES = ("history_samples",)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '30s'")
    op.create_table(
        "history_samples",
        sa.Column("step_s", sa.SmallInteger, primary_key=True, autoincrement=False),
        sa.Column("at", sa.DateTime(timezone=True), primary_key=True),
        sa.Column("waiting", sa.ARRAY(sa.REAL), nullable=False),
        sa.Column("oldest_wait_s", sa.Float),
        *(sa.Column(name, sa.REAL, nullable=False) for name in ("slots", "slots_used", "servers", "servers_busy")),
        sa.Column("stored_bytes", sa.BigInteger, nullable=False),
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '30s'")
    op.drop_table("history_samples")

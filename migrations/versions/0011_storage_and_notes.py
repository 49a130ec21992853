"""Let workers say that outputs cannot be stored, jobs wait for that, and servers have notes on what they lack.

Down again, jobs that wait for the store are queued as they are, and their tries count.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "storage_and_notes"
down_revision = "claims_left"
branch_labels = None
depends_on = None

# What the way down deletes, see migrations.losses.
LOSES: tuple[str, ...] = ()


def upgrade() -> None:
    # Behind someone who stays it gives up, or all others would queue too.
    op.execute("SET LOCAL lock_timeout = '30s'")
    op.add_column("workers", sa.Column("storage_problem", sa.Text))
    op.add_column("generation_jobs", sa.Column("storage_away_since", sa.DateTime(timezone=True)))
    notes = sa.Column("notes", JSONB, nullable=False, server_default=sa.text("'{}'::jsonb"))
    op.add_column("comfyui_servers", notes)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '30s'")
    op.drop_column("comfyui_servers", "notes")
    op.drop_column("generation_jobs", "storage_away_since")
    op.drop_column("workers", "storage_problem")

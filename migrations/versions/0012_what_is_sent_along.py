"""Keep what is sent along with a prompt to be written into its pictures, and which node classes a server replaces.

Down again, jobs lose what was sent along.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "what_is_sent_along"
down_revision = "storage_and_notes"
branch_labels = None
depends_on = None

# What the way down deletes, see migrations.losses.
LOSES = ("generation_jobs.extra_pnginfo",)


def upgrade() -> None:
    # Behind someone who stays it gives up, or all others would queue too.
    op.execute("SET LOCAL lock_timeout = '30s'")
    op.add_column("generation_jobs", sa.Column("extra_pnginfo", JSONB))
    replacements = sa.Column("replacements", JSONB, nullable=False, server_default=sa.text("'{}'"))
    op.add_column("server_capabilities", replacements)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '30s'")
    op.drop_column("server_capabilities", "replacements")
    op.drop_column("generation_jobs", "extra_pnginfo")

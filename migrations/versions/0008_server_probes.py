"""Keep what each probe of a server found last, whose prompts wait there, and whether its ComfyUI can be worked with."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "server_probes"
down_revision = "resumable_tickets"
branch_labels = None
depends_on = None

# What the way down deletes, see migrations.losses.
LOSES = ("comfyui_servers.probes",)

MOMENTS = ("unfit_since", "stuck_since", "restarted_at")


def upgrade() -> None:
    # Behind someone who stays it gives up, or all others would queue too.
    op.execute("SET LOCAL lock_timeout = '30s'")
    for column in MOMENTS:
        op.add_column("comfyui_servers", sa.Column(column, sa.DateTime(timezone=True)))
    op.add_column(
        "comfyui_servers", sa.Column("foreign_prompts", sa.Integer, nullable=False, server_default=sa.text("0"))
    )
    op.add_column("comfyui_servers", sa.Column("probes", JSONB, nullable=False, server_default=sa.text("'{}'::jsonb")))


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '30s'")
    for column in ("probes", "foreign_prompts", *reversed(MOMENTS)):
        op.drop_column("comfyui_servers", column)

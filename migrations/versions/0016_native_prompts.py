"""Add prompts of ComfyUI's own API: how programs that speak it call their jobs.

Down again, these names are lost; the jobs stay.
"""

import sqlalchemy as sa
from alembic import op

revision = "native_prompts"
down_revision = "inputs_of_jobs"
branch_labels = None
depends_on = None

# What the way down deletes, see migrations.losses.
LOSES = ("native_prompts",)


def upgrade() -> None:
    # Behind someone who stays it gives up, or all others would queue too.
    op.execute("SET LOCAL lock_timeout = '30s'")
    op.create_table(
        "native_prompts",
        sa.Column(
            "job_id",
            sa.Integer,
            sa.ForeignKey("generation_jobs.id", ondelete="CASCADE"),
            primary_key=True,
            autoincrement=False,
        ),
        sa.Column("user_id", sa.Uuid, sa.ForeignKey("users.id"), nullable=False),
        sa.Column("prompt_id", sa.Uuid, nullable=False),
        sa.Column("client_id", sa.String(255)),
        sa.Column("hidden_at", sa.DateTime(timezone=True)),
        sa.Column("told_at", sa.DateTime(timezone=True)),
    )
    op.create_index("ix_native_prompts_name", "native_prompts", ["user_id", "prompt_id"], unique=True)
    op.create_index("ix_native_prompts_user", "native_prompts", ["user_id", "job_id"])
    op.create_index("ix_native_prompts_client", "native_prompts", ["user_id", "client_id", "job_id"])


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '30s'")
    op.drop_table("native_prompts")

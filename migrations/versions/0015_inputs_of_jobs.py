"""Keep which assets the inputs of a job take.

Down again, jobs lose that: one that names assets is refused by ComfyUI.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "inputs_of_jobs"
down_revision = "assets"
branch_labels = None
depends_on = None

# What the way down deletes, see migrations.losses.
LOSES = ("generation_jobs.assets",)


def upgrade() -> None:
    # Behind someone who stays it gives up, or all others would queue too.
    op.execute("SET LOCAL lock_timeout = '30s'")
    op.add_column("generation_jobs", sa.Column("assets", JSONB))


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '30s'")
    op.drop_column("generation_jobs", "assets")

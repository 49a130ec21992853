"""Let an output say which node it is from, and a job which outputs it wants and what to know of those it has.

Outputs that are there know their node's id and no more. Down again, what these columns hold is gone; no row is.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "whose_outputs"
down_revision = "server_probes"
branch_labels = None
depends_on = None

# What the way down deletes, see migrations.losses.
LOSES = (*("generation_jobs.warnings", "generation_jobs.output_nodes"),)

TEXTS = {"node_class": 255, "node_title": 255, "key": 255, "server_filename": 255, "type": 20}


def upgrade() -> None:
    # Behind someone who stays it gives up, or all others would queue too.
    op.execute("SET LOCAL lock_timeout = '30s'")
    for name, length in TEXTS.items():
        op.add_column("job_outputs", sa.Column(name, sa.String(length)))
    wanted = sa.Column("temp_outputs", sa.Boolean, nullable=False, server_default=sa.text("true"))
    warnings = sa.Column("warnings", JSONB, nullable=False, server_default=sa.text("'[]'::jsonb"))
    for column in (sa.Column("output_nodes", JSONB), wanted, warnings):
        op.add_column("generation_jobs", column)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '30s'")
    for column in ("warnings", "temp_outputs", "output_nodes"):
        op.drop_column("generation_jobs", column)
    for column in TEXTS:
        op.drop_column("job_outputs", column)

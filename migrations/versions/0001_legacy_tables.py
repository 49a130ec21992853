"""Make the two tables of the former system.

A database that has them already, and that alembic never saw, is told so once instead:

    alembic stamp 0001_legacy_tables
    python -m migrations

From there the next revisions take its rows along.
"""

import sqlalchemy as sa
from alembic import op
from alembic.util import CommandError

from migrations.legacy_tables import KEPT, create_comfyui_generation_requests, create_generation_jobs

revision = "0001_legacy_tables"
down_revision = None
branch_labels = None
depends_on = None

# What the way down deletes, see migrations.losses.
LOSES = (
    "generation_jobs",
    "comfyui_generation_requests",
)


def upgrade() -> None:
    refuse_what_is_there()
    create_generation_jobs()
    create_comfyui_generation_requests()


def refuse_what_is_there() -> None:
    there = sa.inspect(op.get_bind()).get_table_names()
    for table in ("generation_jobs", "comfyui_generation_requests"):
        if table in there:
            raise CommandError(
                f"The table {table} is there already, but alembic has never seen this database. If its tables are "
                f"those of the former system, say so with `alembic stamp {revision}` and upgrade again."
            )


def downgrade() -> None:
    op.drop_table("comfyui_generation_requests")
    op.drop_table("generation_jobs")
    op.execute(f"DROP SCHEMA IF EXISTS {KEPT} CASCADE")

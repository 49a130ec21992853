"""Give each waiting job its turn among those of its priority, and each user a weight.

Jobs that wait are first in line, in the order they had. Down again, the oldest goes first.
"""

import sqlalchemy as sa
from alembic import op

revision = "turns"
down_revision = "clean_up"
branch_labels = None
depends_on = None

# What the way down deletes, see migrations.losses.
LOSES = ("generation_jobs.turn", "generation_jobs.turn_cost", "user_turns", "users.weight")

QUEUE = "ix_generation_jobs_claim"


def create_queue(*columns: str) -> None:
    op.create_index(
        QUEUE,
        "generation_jobs",
        [sa.text("priority DESC"), *columns],
        postgresql_include=["run_after"],
        postgresql_where=sa.text("status = 'queued'"),
    )


def seconds(name: str) -> sa.Column[float]:
    return sa.Column(name, sa.Float, nullable=False, server_default=sa.text("0"))


def upgrade() -> None:
    # Behind someone who stays it gives up, or all others would queue too.
    op.execute("SET LOCAL lock_timeout = '30s'")
    op.add_column("generation_jobs", seconds("turn"))
    op.add_column("generation_jobs", seconds("turn_cost"))
    op.drop_index(QUEUE, "generation_jobs")
    create_queue("turn", "id")
    op.create_table(
        "user_turns",
        sa.Column("user_id", sa.Uuid, sa.ForeignKey("users.id"), primary_key=True),
        sa.Column("priority", sa.SmallInteger, primary_key=True),
        seconds("finish"),
        seconds("clock"),
    )
    op.create_index("ix_user_turns_clock", "user_turns", ["priority", "clock"])
    op.create_index("ix_user_turns_finish", "user_turns", ["priority", "finish"])
    op.add_column("users", sa.Column("weight", sa.Float, nullable=False, server_default=sa.text("1")))
    op.create_check_constraint("weight_range", "users", "weight BETWEEN 0.01 AND 100")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '30s'")
    op.drop_constraint("weight_range", "users")
    op.drop_column("users", "weight")
    op.drop_table("user_turns")
    op.drop_index(QUEUE, "generation_jobs")
    op.drop_column("generation_jobs", "turn_cost")
    op.drop_column("generation_jobs", "turn")
    create_queue("id")

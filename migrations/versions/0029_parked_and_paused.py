"""Let jobs wait behind the queue that may not run yet, and users and the queue be paused."""

import sqlalchemy as sa
from alembic import op

revision = "parked_and_paused"
down_revision = "servers_and_labels"
branch_labels = None
depends_on = None

# What the way down deletes, see migrations.losses.
LOSES = ("generation_jobs.parked", "pauses")

JOBS = "generation_jobs"
QUEUE, WAITING = "ix_generation_jobs_claim", "ix_generation_jobs_waiting"


def create_queue(condition: str) -> None:
    op.create_index(
        QUEUE,
        JOBS,
        [sa.text("priority DESC"), "turn", "id"],
        postgresql_include=["run_after"],
        postgresql_where=sa.text(condition),
    )


def create_waiting(*columns: str) -> None:
    op.create_index(WAITING, JOBS, columns, postgresql_where=sa.text("status IN ('pending', 'queued')"))


# Tables that lose rows are vacuumed once a fiftieth of them is dead, see 0025. Each submission and each end changes an
# owner's turn, so of those rows many more are dead than alive: they are vacuumed at 500, however many there are.
# Statistics that are a tenth of ten million jobs old do not know how long the queue is. And where rows are only added,
# pages that a hundredth of them fill become visible to all, which spares reads of the table.
VACUUMED = {
    JOBS: "autovacuum_analyze_scale_factor = 0.02",
    "job_events": "autovacuum_vacuum_insert_scale_factor = 0.01",
    "user_turns": "autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500",
}


def upgrade() -> None:
    # Behind someone who stays it gives up, or all others would queue too.
    op.execute("SET LOCAL lock_timeout = '30s'")
    op.add_column(JOBS, sa.Column("parked", sa.Boolean, nullable=False, server_default=sa.text("false")))
    op.drop_index(QUEUE, JOBS)
    create_queue("status = 'queued' AND NOT parked")
    op.create_index(
        "ix_generation_jobs_parked",
        JOBS,
        ["user_id", "priority", "turn", "id"],
        postgresql_where=sa.text("status = 'queued' AND parked"),
    )
    op.drop_index(WAITING, JOBS)
    create_waiting("user_id", "status", "priority", "parked")
    op.create_table(
        "pauses",
        sa.Column("id", sa.Integer, sa.Identity(), primary_key=True),
        sa.Column("user_id", sa.Uuid, sa.ForeignKey("users.id"), unique=True),
        sa.Column("reason", sa.Text),
        sa.Column("paused_by", sa.String(255), nullable=False),
        sa.Column("paused_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
    )
    op.create_index(
        "ix_pauses_everybody",
        "pauses",
        [sa.text("(user_id IS NULL)")],
        unique=True,
        postgresql_where=sa.text("user_id IS NULL"),
    )

    for table, settings in VACUUMED.items():
        op.execute(f"ALTER TABLE {table} SET ({settings})")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '30s'")
    for table, settings in VACUUMED.items():
        names = ", ".join(setting.split(" = ")[0] for setting in settings.split(", "))
        op.execute(f"ALTER TABLE {table} RESET ({names})")
    op.drop_table("pauses")
    op.drop_index(WAITING, JOBS)
    create_waiting("user_id")
    op.drop_index("ix_generation_jobs_parked", JOBS)
    op.drop_index(QUEUE, JOBS)
    create_queue("status = 'queued'")
    op.drop_column(JOBS, "parked")

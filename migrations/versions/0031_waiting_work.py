"""Show how much work waits, in seconds, so that whatever adds workers can ask for one number.

A job costs what jobs of its kind took when it got its turn, as `shared.jobs.turns` has it for its owner's weight.
"""

from alembic import op

revision = "waiting_work"
down_revision = "durations"
branch_labels = None
depends_on = None

# What the way down deletes, see migrations.losses.
LOSES: tuple[str, ...] = ()


def upgrade() -> None:
    # A job without a cost is of a kind that nobody has run, or users do not take turns: 10 s, as turns have it.
    op.execute(
        """
        CREATE VIEW waiting_work AS
        SELECT count(*) AS jobs,
            coalesce(sum(coalesce(nullif(job.turn_cost, 0) * owner.weight, 10)), 0)::float AS seconds
        FROM generation_jobs AS job JOIN users AS owner ON owner.id = job.user_id
        WHERE job.status = 'queued' AND job.run_after <= now()
        """
    )


def downgrade() -> None:
    op.execute("DROP VIEW waiting_work")

"""Let servers be full, wedged, drained or under suspicion, each by its row.

Down again, what was known of servers is lost and found anew by the next look; a drained one is given jobs again.
"""

import sqlalchemy as sa
from alembic import op

revision = "fleet"
down_revision = "accounts_and_requests"
branch_labels = None
depends_on = None

# What the way down deletes, see migrations.losses.
LOSES = (
    "comfyui_servers.draining_since",
    "comfyui_servers.wedged_since",
)

OF_SERVERS = (
    *("slots", "wedged_since", "draining_since", "opened_at", "open_until"),
    *("loaded_checkpoint", "loaded_since"),
)


def upgrade() -> None:
    # Behind someone who stays it gives up, or all others would queue too.
    op.execute("SET LOCAL lock_timeout = '30s'")
    for column in (
        sa.Column("slots", sa.SmallInteger, nullable=False, server_default=sa.text("2")),
        sa.Column("wedged_since", moment()),
        sa.Column("draining_since", moment()),
        sa.Column("opened_at", moment()),
        sa.Column("open_until", moment()),
        sa.Column("loaded_checkpoint", sa.String(255)),
        sa.Column("loaded_since", moment()),
    ):
        op.add_column("comfyui_servers", column)
    op.add_column("generation_jobs", sa.Column("avoid_server", sa.String(255)))
    # Whether anybody has a limit of running jobs.
    op.create_index("ix_users_limited", "users", ["id"], postgresql_where="running_jobs_limit IS NOT NULL")
    # servers.blame and the API's fleet view: what failed on a server lately.
    op.create_index(
        "ix_job_attempts_failures", "job_attempts", ["server", "ended_at"], postgresql_where="error_code IS NOT NULL"
    )


def moment() -> sa.DateTime:
    return sa.DateTime(timezone=True)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '30s'")
    op.drop_index("ix_job_attempts_failures", "job_attempts")
    op.drop_index("ix_users_limited", "users")
    op.drop_column("generation_jobs", "avoid_server")
    for column in OF_SERVERS:
        op.drop_column("comfyui_servers", column)

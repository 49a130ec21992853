"""Keep the secrets that are sent with a job, encrypted and only until it ends, and which ones they were.

Down again, jobs that have not ended lose their secrets, and all lose which ones they were sent with.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "secrets_of_jobs"
down_revision = "what_is_sent_along"
branch_labels = None
depends_on = None

# What the way down deletes, see migrations.losses.
LOSES = ("generation_jobs.secrets", "generation_jobs.secret_names")


def upgrade() -> None:
    # Behind someone who stays it gives up, or all others would queue too.
    op.execute("SET LOCAL lock_timeout = '30s'")
    op.add_column("generation_jobs", sa.Column("secrets", sa.Text))
    op.add_column("generation_jobs", sa.Column("secret_names", JSONB))
    op.create_check_constraint(
        "secrets_end_with_job",
        "generation_jobs",
        "secrets IS NULL OR status NOT IN ('completed', 'failed', 'cancelled', 'expired')",
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '30s'")
    op.drop_constraint("secrets_end_with_job", "generation_jobs")
    op.drop_column("generation_jobs", "secret_names")
    op.drop_column("generation_jobs", "secrets")

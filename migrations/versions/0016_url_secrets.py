"""Add the secrets that the URLs of files are signed with.

Down again, they are gone, and so is the right that such a URL gives; each would have ended within a week at most.
"""

import sqlalchemy as sa
from alembic import op

revision = "url_secrets"
down_revision = "inputs_of_jobs"
branch_labels = None
depends_on = None

# What the way down deletes, see migrations.losses.
LOSES = ("url_secrets",)


def upgrade() -> None:
    op.create_table(
        "url_secrets",
        sa.Column("id", sa.Integer, sa.Identity(), primary_key=True),
        sa.Column("secret", sa.LargeBinary, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
    )


def downgrade() -> None:
    op.drop_table("url_secrets")

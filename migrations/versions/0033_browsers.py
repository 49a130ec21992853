"""Let browsers sign in: keys of their own, and links that make one once."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "browsers"
down_revision = "keys_of_tasks"
branch_labels = None
depends_on = None

# What the way down deletes, see migrations.losses.
LOSES = ("sign_in_codes", "api_keys.is_browser", "api_keys.made_by", "api_keys.renewed_at")

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("api_keys", sa.Column("is_browser", sa.Boolean, nullable=False, server_default=sa.text("false")))
    op.add_column("api_keys", sa.Column("made_by", sa.String(32)))
    op.add_column("api_keys", sa.Column("renewed_at", MOMENT))
    op.create_index("ix_api_keys_made_by", "api_keys", ["made_by"])
    op.create_table(
        "sign_in_codes",
        sa.Column("code_hash", sa.LargeBinary, primary_key=True),
        sa.Column("user_id", sa.Uuid, sa.ForeignKey("users.id"), nullable=False),
        sa.Column("scopes", ARRAY(sa.String(32)), nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("sign_in_codes")
    # What a browser was let in with is a key like any other without these columns, so it ends here.
    op.execute("UPDATE api_keys SET revoked_at = coalesce(revoked_at, now()) WHERE is_browser")
    op.drop_index("ix_api_keys_made_by", "api_keys")
    op.drop_column("api_keys", "renewed_at")
    op.drop_column("api_keys", "made_by")
    op.drop_column("api_keys", "is_browser")

"""Add assets: files that users upload, or keep of a job's outputs, and which jobs need them.

Down again, the assets are lost, and their files stay in the store with nobody who knows of them but notes: the sweep
removes them.
"""

import sqlalchemy as sa
from alembic import op

revision = "assets"
down_revision = "secrets_of_jobs"
branch_labels = None
depends_on = None

# What the way down deletes, see migrations.losses.
LOSES = ("assets", "asset_uses")

KINDS = "'image', 'video', 'audio', 'tensors', 'text', 'other'"
# Rows of one content share a file, and its bytes are counted once.
NOTE_FILES = """
INSERT INTO discarded_folders (folder)
SELECT DISTINCT left(path, length(path) - position('/' in reverse(path))) FROM assets
ON CONFLICT DO NOTHING
"""
UNCOUNT_BYTES = """
UPDATE users SET stored_bytes = greatest(0, stored_bytes - kept.bytes)
FROM (SELECT user_id, sum(size_bytes) AS bytes
      FROM (SELECT DISTINCT user_id, hash, size_bytes FROM assets) AS contents GROUP BY user_id) AS kept
WHERE kept.user_id = users.id
"""


def upgrade() -> None:
    # Behind someone who stays it gives up, or all others would queue too.
    op.execute("SET LOCAL lock_timeout = '30s'")
    op.create_table(
        "assets",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("user_id", sa.Uuid, sa.ForeignKey("users.id"), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("media_type", sa.String(127), nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("hash", sa.String(100), nullable=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("tags", sa.ARRAY(sa.Text), nullable=False, server_default=sa.text("'{}'::text[]")),
        sa.Column("job_id", sa.Integer),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.Column("expires_at", sa.DateTime(timezone=True)),
        sa.CheckConstraint(f"kind IN ({KINDS})", name="kind_known"),
    )
    op.create_index("ix_assets_content", "assets", ["user_id", "hash", "name"], unique=True)
    op.create_index("ix_assets_user_created", "assets", ["user_id", "created_at", "id"])
    op.create_index("ix_assets_user_name", "assets", ["user_id", "name"])
    op.create_index("ix_assets_expires", "assets", ["expires_at"], postgresql_where=sa.text("expires_at IS NOT NULL"))
    op.create_table(
        "asset_uses",
        sa.Column("asset_id", sa.Uuid, sa.ForeignKey("assets.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("job_id", sa.Integer, sa.ForeignKey("generation_jobs.id", ondelete="CASCADE"), primary_key=True),
    )
    op.create_index("ix_asset_uses_job", "asset_uses", ["job_id"])


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '30s'")
    op.execute(NOTE_FILES)
    op.execute(UNCOUNT_BYTES)
    op.drop_table("asset_uses")
    op.drop_table("assets")

"""Let strangers share the service: users and keys, and all that a request may ask for.

Each owner of a job that is there becomes a user, named after its id; an admin makes its keys. Jobs that ended are
counted in `job_statistics`.

Down again, users and keys are lost, and so are priorities, deadlines, metadata and the other facts of requests. A raw
workflow stays as `workflow` in `legacy`, from where the way up takes it back. `expired` jobs become `cancelled`.

Locks generation_jobs against readers and writers to the end; it is read for the CHECKs and for each index.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "accounts_and_requests"
down_revision = "job_dispatch"
branch_labels = None
depends_on = None

# What the way down deletes, see migrations.losses.
LOSES = (
    *("users", "api_keys", "stream_tickets", "job_statistics", "server_capabilities", "discarded_folders"),
    *("generation_jobs.metadata", "generation_jobs.idempotency_key", "generation_jobs.deadline_at"),
    *("generation_jobs.parent_id", "generation_jobs.batch_id", "generation_jobs.request_id"),
)

STATUSES = "status IN ('pending', 'queued', 'running', 'cancelling', 'completed', 'failed', 'cancelled'{})"
EVENTS = "type IN ({}'queued', 'started', 'cancelling', 'completed', 'failed', 'cancelled'{})"
NEW_COLUMNS = (
    *("workflow", "workflow_key", "metadata", "priority", "deadline_at", "max_attempts", "parent_id", "batch_id"),
    *("idempotency_key", "request_digest", "request_id", "generated_at"),
)
NEW_INDEXES = (
    *("deadline", "list_status", "list_type", "list_checkpoint", "list_all", "waiting", "batch", "parent"),
    *("metadata", "prompt", "estimate", "idempotency"),
)


def upgrade() -> None:
    # Behind someone who stays it gives up, or all others would queue too.
    op.execute("SET LOCAL lock_timeout = '30s'")
    create_accounts()
    create_statistics()
    create_capabilities()
    op.create_table(
        "discarded_folders",
        sa.Column("folder", sa.Text, primary_key=True),
        sa.Column("created_at", moment(), nullable=False, server_default=sa.func.now()),
    )
    op.execute(OWNERS)
    op.create_foreign_key(None, "generation_jobs", "users", ["user_id"], ["id"])
    add_columns()
    for constraint, table in (("status_known", "generation_jobs"), ("type_known", "job_events")):
        op.drop_constraint(constraint, table)
    op.create_check_constraint("status_known", "generation_jobs", STATUSES.format(", 'expired'"))
    op.create_check_constraint("type_known", "job_events", EVENTS.format("'pending', ", ", 'expired'"))
    op.drop_index("ix_generation_jobs_claim", "generation_jobs")
    create_indexes()
    op.execute(TAKE_WORKFLOWS_BACK)
    op.execute(COUNT_WHAT_ENDED)
    op.execute(SUM_UP_WHAT_IS_STORED)


def create_accounts() -> None:
    op.create_table(
        "users",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("name", sa.String(255), nullable=False, unique=True),
        sa.Column("stored_bytes", sa.BigInteger, nullable=False, server_default=sa.text("0")),
        sa.Column("running_jobs_limit", sa.Integer),
        sa.Column("created_at", moment(), nullable=False, server_default=sa.func.now()),
    )
    op.create_table(
        "api_keys",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("user_id", sa.Uuid, sa.ForeignKey("users.id"), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary, nullable=False),
        sa.Column("scopes", ARRAY(sa.String(32)), nullable=False),
        sa.Column("limits", JSONB, nullable=False, server_default=sa.text("'{}'::jsonb")),
        sa.Column("created_at", moment(), nullable=False, server_default=sa.func.now()),
        sa.Column("expires_at", moment()),
        sa.Column("revoked_at", moment()),
        sa.Column("last_used_at", moment()),
    )
    op.create_table(
        "stream_tickets",
        sa.Column("secret_hash", sa.LargeBinary, primary_key=True),
        sa.Column("key_id", sa.String(32), nullable=False),
        sa.Column("expires_at", moment(), nullable=False),
    )


def create_statistics() -> None:
    op.create_table(
        "job_statistics",
        # The key also finds a user's days.
        sa.Column("user_id", sa.Uuid, primary_key=True),
        sa.Column("day", sa.Date, primary_key=True),
        sa.Column("status", sa.String(20), primary_key=True),
        sa.Column("bucket", sa.SmallInteger, primary_key=True, autoincrement=False),
        sa.Column("jobs", sa.Integer, nullable=False),
    )


def create_capabilities() -> None:
    op.create_table(
        "server_capabilities",
        sa.Column(
            "server", sa.String(255), sa.ForeignKey("comfyui_servers.name", ondelete="CASCADE"), primary_key=True
        ),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("object_info", JSONB, nullable=False, server_default=sa.text("'{}'::jsonb")),
        sa.Column("devices", JSONB, nullable=False, server_default=sa.text("'[]'::jsonb")),
        sa.Column("offers", ARRAY(sa.Text), nullable=False, server_default=sa.text("'{}'::text[]")),
        sa.Column("lacks", ARRAY(sa.Text), nullable=False, server_default=sa.text("'{}'::text[]")),
        sa.Column("refreshed_at", moment(), nullable=False, server_default=sa.func.now()),
    )


def add_columns() -> None:
    for column in (
        sa.Column("workflow", JSONB),
        sa.Column("workflow_key", sa.String(16)),
        sa.Column("metadata", JSONB, nullable=False, server_default=sa.text("'{}'::jsonb")),
        sa.Column("priority", sa.SmallInteger, nullable=False, server_default=sa.text("5")),
        sa.Column("deadline_at", moment()),
        sa.Column("max_attempts", sa.SmallInteger),
        sa.Column("parent_id", sa.Integer, sa.ForeignKey("generation_jobs.id", ondelete="SET NULL")),
        sa.Column("batch_id", sa.Uuid),
        sa.Column("idempotency_key", sa.String(255)),
        sa.Column("request_digest", sa.String(64)),
        sa.Column("request_id", sa.String(128)),
        sa.Column("generated_at", moment()),
    ):
        op.add_column("generation_jobs", column)
    op.create_check_constraint("priority_range", "generation_jobs", "priority BETWEEN 0 AND 9")
    op.create_check_constraint("max_attempts_range", "generation_jobs", "max_attempts BETWEEN 1 AND 100")


def create_indexes() -> None:
    newest_first = (sa.text("created_at DESC"), sa.text("id DESC"))
    # Claims: of the queued jobs whose time has come, the most urgent, then the oldest.
    index("claim", sa.text("priority DESC"), "id", postgresql_include=["run_after"], where="status = 'queued'")
    # Deadlines that passed.
    index("deadline", "deadline_at", where="status IN ('pending', 'queued') AND deadline_at IS NOT NULL")
    # The API's lists: a user's jobs of one status, type or checkpoint; and everybody's.
    index("list_status", "user_id", "status", *newest_first)
    index("list_type", "user_id", "job_type", *newest_first)
    index("list_checkpoint", "user_id", "checkpoint_model", *newest_first)
    index("list_all", *newest_first)
    # How many jobs of a user wait.
    index("waiting", "user_id", where="status IN ('pending', 'queued')")
    index("batch", "batch_id", "id", where="batch_id IS NOT NULL")
    # Deleting a job looks for its children.
    index("parent", "parent_id", where="parent_id IS NOT NULL")
    index("metadata", "metadata", postgresql_using="gin", where="metadata <> '{}'::jsonb")
    index("prompt", sa.text("to_tsvector('simple', prompt)"), postgresql_using="gin")
    # How long the latest jobs of a kind took.
    index(
        "estimate",
        "workflow_key",
        sa.text("completed_at DESC"),
        where="status = 'completed' AND workflow_key IS NOT NULL",
    )
    # The same request, sent again.
    index("idempotency", "user_id", "idempotency_key", unique=True, where="idempotency_key IS NOT NULL")


def index(name: str, *columns: Any, where: str | None = None, unique: bool = False, **options: Any) -> None:
    op.create_index(
        f"ix_generation_jobs_{name}", "generation_jobs", list(columns), unique=unique, postgresql_where=where, **options
    )


def moment() -> sa.DateTime:
    return sa.DateTime(timezone=True)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '30s'")
    op.execute("LOCK TABLE generation_jobs IN ACCESS EXCLUSIVE MODE")
    op.execute(KEEP_WORKFLOWS)
    op.execute("UPDATE generation_jobs SET status = 'cancelled' WHERE status = 'expired'")
    op.execute("UPDATE job_events SET type = 'cancelled' WHERE type = 'expired'")
    op.execute("UPDATE job_events SET type = 'queued' WHERE type = 'pending'")
    for name in ("claim", *NEW_INDEXES):
        op.drop_index(f"ix_generation_jobs_{name}", "generation_jobs")
    op.create_index(
        "ix_generation_jobs_claim",
        "generation_jobs",
        ["id"],
        postgresql_include=["run_after"],
        postgresql_where="status = 'queued'",
    )
    for constraint, table in (
        ("status_known", "generation_jobs"),
        ("priority_range", "generation_jobs"),
        ("max_attempts_range", "generation_jobs"),
        ("type_known", "job_events"),
    ):
        op.drop_constraint(constraint, table)
    op.create_check_constraint("status_known", "generation_jobs", STATUSES.format(""))
    op.create_check_constraint("type_known", "job_events", EVENTS.format("", ""))
    op.drop_constraint("generation_jobs_user_id_fkey", "generation_jobs")
    for column in NEW_COLUMNS:
        op.drop_column("generation_jobs", column)
    for table in ("server_capabilities", "discarded_folders", "job_statistics", "stream_tickets", "api_keys", "users"):
        op.drop_table(table)


OWNERS = """
INSERT INTO users (id, name) SELECT DISTINCT user_id, 'user-' || user_id FROM generation_jobs
"""

KEEP_WORKFLOWS = """
UPDATE generation_jobs SET legacy = coalesce(legacy, '{}') || jsonb_build_object('workflow', workflow)
WHERE workflow IS NOT NULL
"""

TAKE_WORKFLOWS_BACK = """
UPDATE generation_jobs SET workflow = legacy -> 'workflow', legacy = nullif(legacy - 'workflow', '{}')
WHERE legacy ? 'workflow' AND job_type = 'workflow'
"""

# Buckets grow by a tenth from 1 ms to 38 days; -1 was never started.
COUNT_WHAT_ENDED = """
INSERT INTO job_statistics (user_id, day, status, bucket, jobs)
SELECT user_id, (created_at AT TIME ZONE 'UTC')::date, status,
    CASE WHEN started_at IS NULL OR completed_at IS NULL THEN -1 ELSE least(230, floor(
        ln(greatest(1, extract(epoch FROM completed_at - started_at) * 1000)) / ln(1.1))) END,
    count(*)
FROM generation_jobs WHERE status IN ('completed', 'failed', 'cancelled')
GROUP BY 1, 2, 3, 4
"""

SUM_UP_WHAT_IS_STORED = """
UPDATE users SET stored_bytes = stored.bytes
FROM (
    SELECT user_id, sum(size_bytes) AS bytes
    FROM job_outputs JOIN generation_jobs ON generation_jobs.id = job_id GROUP BY user_id
) AS stored
WHERE users.id = stored.user_id
"""

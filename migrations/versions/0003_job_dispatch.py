"""Let workers hold jobs: leases, attempts, events, outputs, and who is there to work.

Rows that are there get no `run_after`, and none is ever started: a new job has now as its default.

Down again, the paths of outputs and thumbnails go into `legacy`, as `output_paths` and `thumbnail_paths`. Waiting jobs
become `pending`, and those no server has seen leave their `run_after` in `legacy`: up again, they still start. A job
in a worker's or a server's hands stays `running` for ever. Attempts, events and the other facts of outputs are lost.

Locks generation_jobs against readers and writers to the end; it is read for the CHECK and for each index.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "job_dispatch"
down_revision = "merge_generation_tables"
branch_labels = None
depends_on = None

# What the way down deletes, see migrations.losses.
LOSES = (
    *("job_attempts", "job_events", "job_outputs", "workers", "comfyui_servers"),
    *("generation_jobs.error_code", "generation_jobs.error_details"),
)

KNOWN = "status IN ('pending', 'queued', 'running', 'cancelling', 'completed', 'failed', 'cancelled')"
KNOWN_BEFORE = "status IN ('pending', 'running', 'completed', 'failed', 'cancelled')"


def upgrade() -> None:
    # Behind someone who stays it gives up, or all others would queue too.
    op.execute("SET LOCAL lock_timeout = '30s'")
    add_columns()
    op.drop_constraint("status_known", "generation_jobs")
    op.create_check_constraint("status_known", "generation_jobs", KNOWN)
    create_indexes()
    create_attempts()
    create_events()
    create_outputs()
    create_fleet()


def add_columns() -> None:
    for column in (
        sa.Column("run_after", moment()),
        sa.Column("attempt", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.Column("events", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.Column("retries", sa.SmallInteger, nullable=False, server_default=sa.text("0")),
        sa.Column("worker_id", sa.String(255)),
        sa.Column("lease_expires_at", moment()),
        sa.Column("server", sa.String(255)),
        sa.Column("error_code", sa.String(64)),
        sa.Column("error_details", JSONB),
    ):
        op.add_column("generation_jobs", column)
    # Only now: a default from the start would be given to the rows that are there.
    op.alter_column("generation_jobs", "run_after", server_default=sa.func.now())
    op.execute(START_AGAIN)


def create_indexes() -> None:
    # Claims: the oldest queued jobs whose time has come.
    op.create_index(
        "ix_generation_jobs_claim",
        "generation_jobs",
        ["id"],
        postgresql_include=["run_after"],
        postgresql_where="status = 'queued'",
    )
    # Pending jobs whose time has come.
    op.create_index(
        "ix_generation_jobs_pending", "generation_jobs", ["run_after"], postgresql_where="status = 'pending'"
    )
    # Leases that ran out; and the load of each server.
    op.create_index(
        "ix_generation_jobs_held",
        "generation_jobs",
        ["lease_expires_at"],
        postgresql_include=["server"],
        postgresql_where="status IN ('running', 'cancelling')",
    )
    # The API's lists: a user's jobs, newest first.
    op.create_index(
        "ix_generation_jobs_list", "generation_jobs", ["user_id", sa.text("created_at DESC"), sa.text("id DESC")]
    )


def create_attempts() -> None:
    op.create_table(
        "job_attempts",
        # The key finds a job's attempts, and the one that holds it.
        of_a_job(),
        sa.Column("attempt", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("worker_id", sa.String(255), nullable=False),
        sa.Column("message_id", sa.String(64)),
        sa.Column("server", sa.String(255), nullable=False),
        sa.Column("comfyui_prompt_id", sa.String(255), nullable=False),
        sa.Column("adopted", sa.Boolean, nullable=False),
        sa.Column("started_at", moment(), nullable=False, server_default=sa.func.now()),
        sa.Column("ended_at", moment()),
        sa.Column("outcome", sa.String(20)),
        sa.Column("error_code", sa.String(64)),
        sa.Column("error_message", sa.Text),
        sa.Column("error_details", JSONB),
        sa.CheckConstraint(
            "outcome IN ('completed', 'failed', 'cancelled', 'retried', 'in_doubt', 'released', 'expired')",
            name="outcome_known",
        ),
    )


def create_events() -> None:
    op.create_table(
        "job_events",
        # The key finds what happened to a job since an event that a watcher has seen.
        of_a_job(),
        sa.Column("sequence", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("type", sa.String(20), nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("data", JSONB, nullable=False, server_default=sa.text("'{}'::jsonb")),
        sa.Column("created_at", moment(), nullable=False, server_default=sa.func.now()),
        sa.CheckConstraint(
            "type IN ('queued', 'started', 'cancelling', 'completed', 'failed', 'cancelled')", name="type_known"
        ),
    )


def create_outputs() -> None:
    op.create_table(
        "job_outputs",
        # The key finds a job's outputs, and one by its number.
        of_a_job(),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("node_id", sa.String(255), nullable=False),
        sa.Column("filename", sa.String(255), nullable=False),
        # No query: two outputs must never share a file.
        sa.Column("path", sa.Text, nullable=False, unique=True),
        sa.Column("media_type", sa.String(127), nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("width", sa.Integer),
        sa.Column("height", sa.Integer),
        sa.Column("duration_ms", sa.Integer),
        sa.Column("thumbnails", JSONB, nullable=False, server_default=sa.text("'{}'::jsonb")),
        sa.Column("thumbnail_note", sa.Text),
        sa.Column("created_at", moment(), nullable=False, server_default=sa.func.now()),
        sa.CheckConstraint("kind IN ('image', 'animation', 'video', 'audio', 'text', 'other')", name="kind_known"),
    )


def create_fleet() -> None:
    op.create_table(
        "workers",
        sa.Column("id", sa.String(255), primary_key=True),
        sa.Column("threads", sa.Integer, nullable=False),
        sa.Column("started_at", moment(), nullable=False, server_default=sa.func.now()),
        sa.Column("last_seen_at", moment(), nullable=False, server_default=sa.func.now()),
    )
    op.create_table(
        "comfyui_servers",
        sa.Column("name", sa.String(255), primary_key=True),
        sa.Column("version", sa.String(64)),
        sa.Column("last_seen_at", moment()),
        sa.Column("unreachable_since", moment()),
        sa.Column("problem", sa.Text),
    )


def moment() -> sa.DateTime:
    return sa.DateTime(timezone=True)


def of_a_job() -> sa.Column[int]:
    return sa.Column("job_id", sa.Integer, sa.ForeignKey("generation_jobs.id", ondelete="CASCADE"), primary_key=True)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '30s'")
    op.execute("LOCK TABLE generation_jobs, job_outputs IN ACCESS EXCLUSIVE MODE")
    op.execute(KEEP_PATHS)
    for table in ("comfyui_servers", "workers", "job_outputs", "job_events", "job_attempts"):
        op.drop_table(table)
    for index in ("claim", "pending", "held", "list"):
        op.drop_index(f"ix_generation_jobs_{index}", "generation_jobs")
    op.drop_constraint("status_known", "generation_jobs")
    op.execute(KEEP_START)
    op.execute(NARROW_STATUSES)
    op.create_check_constraint("status_known", "generation_jobs", KNOWN_BEFORE)
    for column in (
        *("run_after", "attempt", "events", "retries", "worker_id", "lease_expires_at", "server"),
        *("error_code", "error_details"),
    ):
        op.drop_column("generation_jobs", column)


# In the order of outputs and sizes. The thumbnails of one output are an object, size -> path, as the former
# system wrote them for one picture; those of several are a list. What `legacy` has already is older, and stays.
KEEP_PATHS = """
WITH thumbnail AS (
    SELECT job_id, number, size, value ->> 'path' AS path FROM job_outputs, jsonb_each(thumbnails) AS each (size, value)
),
thumbnails AS (
    SELECT job_id, jsonb_build_object('thumbnail_paths', CASE
        WHEN count(DISTINCT number) = 1 THEN jsonb_object_agg(size, path)
        ELSE jsonb_agg(path ORDER BY number, length(size), size) END) AS paths
    FROM thumbnail GROUP BY job_id
),
outputs AS (
    SELECT job_id, jsonb_build_object('output_paths', jsonb_agg(path ORDER BY number)) AS paths
    FROM job_outputs GROUP BY job_id
)
UPDATE generation_jobs AS job
SET legacy = outputs.paths || coalesce(thumbnails.paths, '{}') || coalesce(job.legacy, '{}')
FROM outputs LEFT JOIN thumbnails USING (job_id)
WHERE job.id = outputs.job_id
"""

# Not of a job with a server: its prompt may be alive there, and nothing would know it any more.
KEEP_START = """
UPDATE generation_jobs SET legacy = coalesce(legacy, '{}') || jsonb_build_object('run_after', run_after)
WHERE status IN ('pending', 'queued') AND run_after IS NOT NULL AND server IS NULL
"""

START_AGAIN = """
UPDATE generation_jobs
SET run_after = (legacy ->> 'run_after')::timestamptz, legacy = nullif(legacy - 'run_after', '{}')
WHERE legacy ? 'run_after'
"""

NARROW_STATUSES = """
UPDATE generation_jobs SET status = CASE status WHEN 'queued' THEN 'pending' ELSE 'running' END
WHERE status IN ('queued', 'cancelling')
"""

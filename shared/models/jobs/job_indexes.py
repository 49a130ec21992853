"""The indexes of `generation_jobs`, each with what is looked for by it."""

from datetime import date

from sqlalchemy import Index, text

FIRST_DAY = date(2000, 1, 1)
# Whose a job is, and the day on which it was accepted: see shared.jobs.listing.marks.
MARKS = f"(ARRAY[uuid_hash(user_id), (created_at AT TIME ZONE 'UTC')::date - '{FIRST_DAY}'::date])"

INDEXES = (
    # The queue in the order of shared.jobs.claim.order, for claims, wake-ups and places in it.
    Index(
        "ix_generation_jobs_claim",
        text("priority DESC"),
        "turn",
        "id",
        postgresql_include=["run_after"],
        postgresql_where="status = 'queued' AND NOT parked",
    ),
    # What waits behind the queue, by lane.
    Index(
        "ix_generation_jobs_parked",
        "user_id",
        "priority",
        "turn",
        "id",
        postgresql_where="status = 'queued' AND parked",
    ),
    # What waits of a lane, parked or not, in the order of its turns: for moves within it.
    Index(
        "ix_generation_jobs_lane",
        "user_id",
        "priority",
        "turn",
        "id",
        postgresql_where="status = 'queued'",
    ),
    # Pending jobs whose time has come.
    Index("ix_generation_jobs_pending", "run_after", postgresql_where="status = 'pending'"),
    # Leases that ran out; and the load of each server.
    Index(
        "ix_generation_jobs_held",
        "lease_expires_at",
        postgresql_include=["server"],
        postgresql_where="status IN ('running', 'cancelling')",
    ),
    # Deadlines that passed.
    Index(
        "ix_generation_jobs_deadline",
        "deadline_at",
        postgresql_where="status IN ('pending', 'queued') AND deadline_at IS NOT NULL",
    ),
    # A user's jobs, newest first: all, or those of one status, type or checkpoint.
    *(
        Index(f"ix_generation_jobs_{name}", "user_id", *columns, text("created_at DESC"), text("id DESC"))
        for name, *columns in (
            ("list",),
            ("list_status", "status"),
            ("list_type", "job_type"),
            ("list_checkpoint", "checkpoint_model"),
        )
    ),
    # Everybody's jobs, newest first, for admins.
    Index("ix_generation_jobs_list_all", text("created_at DESC"), text("id DESC")),
    # A user's pinned jobs.
    Index(
        "ix_generation_jobs_pinned",
        "user_id",
        text("created_at DESC"),
        text("id DESC"),
        postgresql_where="pinned",
    ),
    # A user's failed jobs by how they failed: the groups, and the jobs of one, newest first.
    Index(
        "ix_generation_jobs_list_failure",
        "user_id",
        "failure",
        text("created_at DESC"),
        text("id DESC"),
        postgresql_include=["completed_at", "server", "error_code"],
        postgresql_where="failure IS NOT NULL",
    ),
    # A user's failures since some time.
    Index(
        "ix_generation_jobs_failed",
        "user_id",
        text("completed_at DESC"),
        postgresql_include=["failure", "id", "server", "error_code"],
        postgresql_where="failure IS NOT NULL",
    ),
    # How many jobs of a user wait, and how many of a lane in the queue.
    Index(
        "ix_generation_jobs_waiting",
        "user_id",
        "status",
        "priority",
        "parked",
        postgresql_where="status IN ('pending', 'queued')",
    ),
    Index("ix_generation_jobs_batch", "batch_id", "id", postgresql_where="batch_id IS NOT NULL"),
    # The jobs of a schedule, newest first.
    Index(
        "ix_generation_jobs_schedule",
        "schedule_id",
        "created_at",
        "id",
        postgresql_where="schedule_id IS NOT NULL",
    ),
    # Whether a job of an earlier run has not ended.
    Index(
        "ix_generation_jobs_schedule_live",
        "schedule_id",
        postgresql_where="schedule_id IS NOT NULL AND status IN ('pending', 'queued', 'running', 'cancelling')",
    ),
    # Deleting a job looks for its children.
    Index("ix_generation_jobs_parent", "parent_id", postgresql_where="parent_id IS NOT NULL"),
    # What is in jobs: by the caller's metadata, by words of the prompt, by the labels that they ask for.
    Index(
        "ix_generation_jobs_find_metadata",
        "metadata",
        text(MARKS),
        postgresql_using="gin",
        postgresql_where="metadata <> '{}'::jsonb",
    ),
    Index(
        "ix_generation_jobs_find_prompt",
        text("to_tsvector('simple', prompt)"),
        text(MARKS),
        postgresql_using="gin",
    ),
    Index(
        "ix_generation_jobs_find_labels",
        "requires",
        text(MARKS),
        postgresql_using="gin",
        postgresql_where="requires IS NOT NULL",
    ),
    # Whether a job with this fingerprint has completed since.
    Index(
        "ix_generation_jobs_estimate",
        "workflow_key",
        text("completed_at DESC"),
        postgresql_where="status = 'completed' AND workflow_key IS NOT NULL",
    ),
    # The same request, sent again.
    Index(
        "ix_generation_jobs_idempotency",
        "user_id",
        "idempotency_key",
        unique=True,
        postgresql_where="idempotency_key IS NOT NULL",
    ),
)

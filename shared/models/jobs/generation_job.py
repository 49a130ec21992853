"""A job: what was asked for, what became of it, and who holds it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    CheckConstraint,
    Column,
    Identity,
    Integer,
    SmallInteger,
    String,
    Text,
    text,
)
from sqlmodel import Field, SQLModel

from shared.database.columns import between, document, empty_list, moment, of_a_user, one_of, seconds, word
from shared.models.jobs.job_indexes import INDEXES
from shared.models.jobs.status import JobStatus

DEFAULT_PRIORITY = 5  # of 0 to 9: 9 goes first


class GenerationJob(SQLModel, table=True):
    """One row of `generation_jobs`. Only the transitions of `shared.jobs.transitions` change its status.

    What is run is made from the parameters, or is `workflow`, a graph in ComfyUI's API format. `extra_pnginfo` goes
    along with it, into the pictures that it makes. `assets` are the ids of those that its inputs take, by node and by
    input: `{"1": {"image": ...}}`. `workflow_key` is the fingerprint of the graph: the same for jobs that take about as
    long as each other. `shape` is the same for those that do the same, and `work` is how much of it, see
    `shared.workflows.fingerprint`.
    `secrets` go along too: encrypted, see `shared.configuration.secrets.vault`, and gone once the job has ended.
    `secret_names` says for good which ones they were.
    `run_after` is when it may start, which is at once by default. NULL, as in rows of the former system, is never.
    Once `deadline_at` has passed it is no longer started.
    `attempt` counts the workers it was given to: every write of a worker names the attempt it holds.
    `turn` is its place among those of its priority, and `turn_cost` what it costs its owner, see `shared.jobs.turns`.
    A `parked` job waits behind the queue, see `shared.jobs.lanes.parking`.
    `expected_s` is how long it was expected to take when it was given its turn.
    `claims_left` is how often it may still be given to one: counted by the claims themselves, so that no job is claimed
    for ever, whatever its workers do. NULL until the first.
    `events` counts the rows of `job_events`; a snapshot of the job includes all of them.
    `schedule_id` is the schedule that made it, which may be gone. `key_id` is the key that it was submitted with.
    `traceparent` is the span that accepted it, see `shared.tracing`: those of all its attempts are below that one.
    `server` and `comfyui_prompt_id` say where its prompt is, or last was; `avoid_server` is one that it was moved away
    from. `generated_at` is when ComfyUI was done, before its outputs were stored; since `storage_away_since` its result
    waits in ComfyUI for the store.
    `output_nodes` are the nodes whose outputs are kept, NULL for all; without `temp_outputs` those that ComfyUI counts
    as temporary are not. `warnings` is what to know of the outputs, see `shared.jobs.warnings`.
    `failure` is the same for jobs that failed in the same way, see `shared.texts.failure_pattern`.
    `requires` are labels: only servers that have all of them run it.
    Of a `pinned` job nothing is cleaned up, however old it is.
    """

    __tablename__ = "generation_jobs"

    id: int = Field(default=None, sa_column=Column("id", Integer, Identity(), primary_key=True))
    user_id: UUID = Field(sa_column=of_a_user())
    job_type: str = Field(sa_column=Column("job_type", String(50), nullable=False))
    status: JobStatus = Field(sa_column=word("status", JobStatus))

    prompt: str = Field(sa_column=Column("prompt", Text, nullable=False))
    negative_prompt: str | None = Field(default=None, sa_column=Column("negative_prompt", Text))
    checkpoint_model: str | None = Field(default=None, sa_column=Column("checkpoint_model", String(255)))
    lora_models: list[dict[str, Any]] = Field(default_factory=empty_list, sa_column=document("lora_models", "[]"))
    width: int | None = None
    height: int | None = None
    batch_size: int | None = None
    params: dict[str, Any] = Field(default_factory=dict, sa_column=document("params", "{}"))
    output_nodes: list[str] | None = Field(default=None, sa_column=document("output_nodes", None))
    temp_outputs: bool = Field(default=True, sa_column_kwargs={"server_default": text("true")})
    requires: list[str] | None = Field(default=None, sa_column=Column("requires", ARRAY(Text)))

    workflow: dict[str, Any] | None = Field(default=None, sa_column=document("workflow", None))
    assets: dict[str, dict[str, str]] | None = Field(default=None, sa_column=document("assets", None))
    extra_pnginfo: dict[str, Any] | None = Field(default=None, sa_column=document("extra_pnginfo", None))
    secrets: str | None = Field(default=None, sa_column=Column("secrets", Text), repr=False)
    secret_names: list[str] | None = Field(default=None, sa_column=document("secret_names", None))
    workflow_key: str | None = Field(default=None, sa_column=Column("workflow_key", String(16)))
    shape: str | None = Field(default=None, sa_column=Column("shape", String(16)))
    work: float | None = None
    # The caller's own. SQLAlchemy keeps the name `metadata` to itself.
    caller_metadata: dict[str, Any] = Field(default_factory=dict, sa_column=document("metadata", "{}"))

    priority: int = Field(
        default=DEFAULT_PRIORITY,
        sa_column=Column("priority", SmallInteger, nullable=False, server_default=text(str(DEFAULT_PRIORITY))),
    )
    turn: float = Field(default=0.0, sa_column=seconds("turn"))
    turn_cost: float = Field(default=0.0, sa_column=seconds("turn_cost"))
    parked: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    expected_s: float | None = None
    deadline_at: datetime | None = Field(default=None, sa_column=moment("deadline_at"))
    max_attempts: int | None = Field(default=None, sa_column=Column("max_attempts", SmallInteger))
    parent_id: int | None = None  # NULL again once that one is deleted
    batch_id: UUID | None = None
    schedule_id: UUID | None = None
    key_id: str | None = Field(default=None, sa_column=Column("key_id", String(32)))
    idempotency_key: str | None = Field(default=None, sa_column=Column("idempotency_key", String(255)))
    request_digest: str | None = Field(default=None, sa_column=Column("request_digest", String(64)))
    request_id: str | None = Field(default=None, sa_column=Column("request_id", String(128)))
    traceparent: str | None = Field(default=None, sa_column=Column("traceparent", String(55)))

    message_id: str | None = Field(default=None, sa_column=Column("message_id", String(64), index=True))
    run_after: datetime | None = Field(default=None, sa_column=moment("run_after", now=True))
    attempt: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    claims_left: int | None = Field(default=None, sa_column=Column("claims_left", SmallInteger))
    events: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    retries: int = Field(default=0, sa_column=Column("retries", SmallInteger, nullable=False, server_default=text("0")))
    worker_id: str | None = Field(default=None, sa_column=Column("worker_id", String(255)))
    lease_expires_at: datetime | None = Field(default=None, sa_column=moment("lease_expires_at"))
    server: str | None = Field(default=None, sa_column=Column("server", String(255)))
    comfyui_prompt_id: str | None = Field(default=None, sa_column=Column("comfyui_prompt_id", String(255), unique=True))
    avoid_server: str | None = Field(default=None, sa_column=Column("avoid_server", String(255)))

    error_code: str | None = Field(default=None, sa_column=Column("error_code", String(64)))
    error_message: str | None = Field(default=None, sa_column=Column("error_message", Text))
    error_details: dict[str, Any] | None = Field(default=None, sa_column=document("error_details", None))
    failure: str | None = Field(default=None, sa_column=Column("failure", String(16)))
    warnings: list[dict[str, Any]] = Field(default_factory=empty_list, sa_column=document("warnings", "[]"))
    pinned: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    content_id: int | None = None
    legacy_request_id: int | None = Field(default=None, unique=True)
    legacy: dict[str, Any] | None = Field(default=None, sa_column=document("legacy", None))

    created_at: datetime = Field(default=None, sa_column=moment("created_at", nullable=False, now=True))
    updated_at: datetime = Field(default=None, sa_column=moment("updated_at", nullable=False, now=True))
    started_at: datetime | None = Field(default=None, sa_column=moment("started_at"))
    generated_at: datetime | None = Field(default=None, sa_column=moment("generated_at"))
    completed_at: datetime | None = Field(default=None, sa_column=moment("completed_at"))
    storage_away_since: datetime | None = Field(default=None, sa_column=moment("storage_away_since"))

    __table_args__ = (
        one_of("status", JobStatus),
        between("width", 1, 16384),
        between("height", 1, 16384),
        between("batch_size", 1, 4096),
        between("priority", 0, 9),
        between("max_attempts", 1, 100),
        # A queued job can be claimed once more.
        CheckConstraint("claims_left >= 0 AND (claims_left > 0 OR status <> 'queued')", name="claims_left_suffice"),
        # No end of a job leaves them behind.
        CheckConstraint(
            "secrets IS NULL OR status NOT IN ('completed', 'failed', 'cancelled', 'expired')",
            name="secrets_end_with_job",
        ),
        *INDEXES,
    )

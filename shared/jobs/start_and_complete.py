"""What belongs to the start and to the end of a job is written by the one statement that starts or ends it.

Each row is a common table expression that is fed from the job's changed row: where no job was changed, nothing is
written. One statement is one round trip, and rows that everybody writes are locked for as long as it takes.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    CTE,
    BigInteger,
    Boolean,
    Insert,
    Text,
    Update,
    bindparam,
    column,
    exists,
    func,
    insert,
    literal,
    select,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import col

from shared.database.prepared_rows import columns_of, made_of
from shared.database.prepared_statement import Prepared
from shared.fleet.servers import close_breaker_sql
from shared.jobs.attempts import ENDED, begin_attempt_sql, end_attempt_sql
from shared.jobs.durations.learning import LEARNED_BY, learn_sql
from shared.jobs.job_events import record_event_sql
from shared.jobs.turns import settle_sql
from shared.models import (
    ComfyUIServer,
    EventType,
    GenerationJob,
    JobOutput,
    JobStatus,
    Outcome,
    SuspectWorkflow,
    User,
)
from shared.notifications.listened import has_listeners
from shared.usage.notes import note_attempt_sql
from shared.webhooks.outbox import TOLD_COLUMNS, owe_sql
from shared.webhooks.payload import WebhookEvent

EVENT_DATA = bindparam("event_data", type_=JSONB)
STORED_BYTES = bindparam("added_bytes", type_=BigInteger)
WARNINGS = bindparam("new_warnings", type_=JSONB)
OUTPUTS = bindparam("new_outputs", type_=JSONB)

OUTPUT_COLUMNS = tuple(column for column in columns_of(JobOutput) if column.name not in {"job_id", "created_at"})
WHOLE_JOB = columns_of(GenerationJob)
job_of_row = made_of(GenerationJob)


class CompletedJob(NamedTuple):
    """What the end of a job is published and counted by. Not its workflow, which may be long. Its owner may have
    preferences of notifications."""

    id: int
    user_id: UUID
    status: JobStatus
    job_type: str
    server: str | None
    attempt: int
    events: int
    created_at: datetime
    updated_at: datetime
    run_after: datetime | None
    started_at: datetime | None
    generated_at: datetime | None
    completed_at: datetime | None
    has_listeners: bool


HAS_LISTENERS = column("has_listeners", Boolean)
OF_JOB = tuple(name for name in CompletedJob._fields if name != HAS_LISTENERS.name)
COMPLETED_JOB = tuple(col(getattr(GenerationJob, name)) for name in OF_JOB)


class TakenJob(NamedTuple):
    """A job that was given to a worker, and whether its workflow is in quarantine."""

    job: GenerationJob
    is_quarantined: bool

    @classmethod
    def of_row(cls, *values: Any) -> "TakenJob":
        *columns, is_quarantined = values
        return cls(job_of_row(*columns), is_quarantined)


TAKEN_JOB = (*WHOLE_JOB, column("is_quarantined", Boolean))


def taken(name: str, job: CTE, *rows: CTE) -> Prepared[TakenJob]:
    """The statement that gives a job to a worker, with all that it writes."""
    suspect = col(SuspectWorkflow.fingerprint) == job.c.workflow_key
    is_quarantined = exists().where(suspect, col(SuspectWorkflow.quarantined_at).is_not(None))
    found = select(job, is_quarantined.label("is_quarantined")).add_cte(*rows)
    return Prepared(name, found, row=TakenJob.of_row, columns=TAKEN_JOB)


def starting(taking: Update) -> Prepared[TakenJob]:
    """The UPDATE that takes a job, with the attempt and the event that begin, and what the server has to load."""
    job = taking.returning(*WHOLE_JOB).cte("job")
    event = record_event_sql(job, EventType.STARTED, func.jsonb_build_object("server", job.c.server))
    rows = (
        begin_attempt_sql(job, adopted=False).cte("attempt"),
        event.cte("event"),
        load_checkpoint_sql(job).cte("server"),
    )
    return taken("take", job, *rows)


def adopting(taking: Update) -> Prepared[TakenJob]:
    """The UPDATE that takes over a job, with the attempt that has expired, its use, and the one that begins."""
    job = taking.returning(*WHOLE_JOB).cte("job")
    expired = end_attempt_sql(job.c.id, job.c.attempt - 1, Outcome.EXPIRED).returning(*ENDED).cte("expired_attempt")
    rows = (
        note_attempt_sql(job, expired, Outcome.EXPIRED).cte("usage"),
        begin_attempt_sql(job, adopted=True).cte("attempt"),
    )
    return taken("adopt", job, *rows)


def completing(ending: Update) -> Prepared[CompletedJob]:
    """The UPDATE that completes a job, with its attempt, its use, its event, its outputs, its server's breaker, its
    owner's turn and bytes, what is learned of it, and what webhooks are owed."""
    turn = (col(GenerationJob.priority), col(GenerationJob.turn_cost), col(GenerationJob.key_id))
    kind = (col(getattr(GenerationJob, name)) for name in LEARNED_BY)
    told = (one for one in TOLD_COLUMNS if one.name not in OF_JOB)
    job = ending.returning(*COMPLETED_JOB, *turn, *kind, *told).cte("job")
    attempt = end_attempt_sql(job.c.id, job.c.attempt, Outcome.COMPLETED).returning(*ENDED).cte("attempt")
    rows = (
        learn_sql(job).cte("learned"),
        settle_sql(job).cte("turn"),
        note_attempt_sql(job, attempt, Outcome.COMPLETED, STORED_BYTES).cte("usage"),
        record_event_sql(job, EventType.COMPLETED, EVENT_DATA).cte("event"),
        add_outputs_sql(job).cte("outputs"),
        close_breaker_sql(job.c.server).cte("server"),
        add_stored_bytes_sql(job).cte("owner"),
        owe_sql(job, literal(WebhookEvent.COMPLETED.value, Text), EVENT_DATA).cte("owed"),
    )
    ended = select(*(job.c[name] for name in OF_JOB), has_listeners(job.c.user_id)).add_cte(*rows)
    return Prepared("complete", ended, row=CompletedJob, columns=(*COMPLETED_JOB, HAS_LISTENERS))


def output_values(outputs: Sequence[JobOutput]) -> list[dict[str, Any]]:
    """The rows of a job's outputs, for OUTPUTS."""
    return [{one.name: getattr(output, one.name) for one in OUTPUT_COLUMNS} for output in outputs]


def add_outputs_sql(job: CTE) -> Insert:
    """The INSERT of the rows of OUTPUTS."""
    typed = (column(one.name, one.type) for one in OUTPUT_COLUMNS)
    made = func.jsonb_to_recordset(OUTPUTS).table_valued(*typed).render_derived("made", with_types=True)
    rows = select(job.c.id, *(made.c[one.name] for one in OUTPUT_COLUMNS)).select_from(job).join(made, true())
    return insert(JobOutput).from_select(["job_id", *(one.name for one in OUTPUT_COLUMNS)], rows)


def load_checkpoint_sql(job: CTE) -> Update:
    """The UPDATE that records which checkpoint the server will have loaded once it runs this job."""
    loaded = col(ComfyUIServer.loaded_checkpoint)
    return (
        update(ComfyUIServer)
        .where(
            col(ComfyUIServer.name) == job.c.server,
            job.c.checkpoint_model.is_not(None),
            loaded.is_distinct_from(job.c.checkpoint_model),
        )
        .values(loaded_checkpoint=job.c.checkpoint_model, loaded_since=func.now())
    )


def add_stored_bytes_sql(job: CTE) -> Update:
    """The UPDATE that adds to what its owner has stored. A job without outputs does not wait for those of the same
    owner that have some."""
    return (
        update(User)
        .where(col(User.id) == job.c.user_id, STORED_BYTES > 0)
        .values(stored_bytes=User.stored_bytes + STORED_BYTES)
    )

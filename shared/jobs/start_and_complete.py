"""What the start and the end of a job bring with them is written by the statement that starts or ends it.

Each row stands here as a common table expression that is fed from the job's changed row: where no job was changed,
nothing is written. One statement is one round trip, and rows that everybody writes are locked for as long as it takes.
"""

from typing import Any

from sqlalchemy import CTE, BigInteger, ColumnElement, String, bindparam, false, func, insert, literal, select, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import SQLModel, col

from shared.database.prepared_statement import Prepared
from shared.fleet.servers import trusting
from shared.models import ComfyUIServer, EventType, GenerationJob, JobAttempt, JobEvent, Outcome, User

MESSAGE = bindparam("by_message", type_=String)
EVENT_DATA = bindparam("event_data", type_=JSONB)
STORED_BYTES = bindparam("more_bytes", type_=BigInteger)

WHOLE_JOB = tuple(SQLModel.metadata.tables["generation_jobs"].c)
# What the end of a job is told and counted by. Not its workflow, which may be long.
ENDED = (
    col(GenerationJob.id),
    col(GenerationJob.user_id),
    col(GenerationJob.status),
    col(GenerationJob.server),
    col(GenerationJob.attempt),
    col(GenerationJob.events),
    col(GenerationJob.created_at),
    col(GenerationJob.updated_at),
    col(GenerationJob.started_at),
    col(GenerationJob.completed_at),
)


def starting(taking: Any) -> Prepared:
    """The UPDATE that takes a job, with the attempt and the event that begin, and what the server has to load."""
    job = taking.returning(*WHOLE_JOB).cte("job")
    event = event_of(job, EventType.STARTED, func.jsonb_build_object("server", job.c.server))
    rows = (attempt_of(job), event, checkpoint_of(job))
    return Prepared("start", select(job).add_cte(*rows), WHOLE_JOB, GenerationJob)


def completing(ending: Any) -> Prepared:
    """The UPDATE that completes a job, with its attempt, its event, what its server has shown by it, and how much its
    owner has stored."""
    job = ending.returning(*ENDED).cte("job")
    event = event_of(job, EventType.COMPLETED, EVENT_DATA)
    rows = (attempt_ended(job, Outcome.COMPLETED), event, breaker_closed(job), stored_by_owner(job))
    return Prepared("complete", select(job).add_cte(*rows), ENDED)


def attempt_of(job: CTE) -> CTE:
    facts: dict[str, Any] = {
        "job_id": job.c.id,
        "attempt": job.c.attempt,
        "worker_id": job.c.worker_id,
        "message_id": MESSAGE,
        "server": job.c.server,
        "comfyui_prompt_id": job.c.comfyui_prompt_id,
        "adopted": false(),
    }
    return insert(JobAttempt).from_select(list(facts), select(*facts.values())).cte("attempt")


def attempt_ended(job: CTE, outcome: Outcome) -> CTE:
    return (
        update(JobAttempt)
        .where(
            col(JobAttempt.job_id) == job.c.id,
            col(JobAttempt.attempt) == job.c.attempt,
            col(JobAttempt.outcome).is_(None),
        )
        .values(outcome=outcome, ended_at=func.now())
        .cte("attempt")
    )


def event_of(job: CTE, kind: EventType, data: ColumnElement[Any]) -> CTE:
    facts: dict[str, Any] = {
        "job_id": job.c.id,
        "sequence": job.c.events,
        "type": literal(kind.value),
        "attempt": job.c.attempt,
        "data": data,
    }
    return insert(JobEvent).from_select(list(facts), select(*facts.values())).cte("event")


def checkpoint_of(job: CTE) -> CTE:
    """Which checkpoint the server will have loaded once it has come to this job."""
    loaded = col(ComfyUIServer.loaded_checkpoint)
    return (
        update(ComfyUIServer)
        .where(
            col(ComfyUIServer.name) == job.c.server,
            job.c.checkpoint_model.is_not(None),
            loaded.is_distinct_from(job.c.checkpoint_model),
        )
        .values(loaded_checkpoint=job.c.checkpoint_model, loaded_since=func.now())
        .cte("server")
    )


def breaker_closed(job: CTE) -> CTE:
    """As `shared.fleet.servers.trust`."""
    return trusting(job.c.server).cte("server")


def stored_by_owner(job: CTE) -> CTE:
    """A job without outputs does not wait for those of the same owner that have some."""
    return (
        update(User)
        .where(col(User.id) == job.c.user_id, STORED_BYTES > 0)
        .values(stored_bytes=User.stored_bytes + STORED_BYTES)
        .cte("owner")
    )

"""Prompts as the rows have them: those in the queue, those in the history, and one by either of its names.

A job is in the queue until its row says that it has ended, and in the history from then on: never in both or neither.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Engine, Integer, Row, Select, Uuid, and_, any_, bindparam, column, func, or_, update
from sqlalchemy import select as columns_of
from sqlmodel import col, select

from api_service.jobs.job_queries import outputs_of
from shared.database.clock import database_time
from shared.database.engine import reading, transaction
from shared.database.prepared_rows import columns_of as whole
from shared.database.prepared_rows import made_of
from shared.database.prepared_statement import Prepared
from shared.models import FINAL, HELD, LIVE, WAITING, GenerationJob, JobOutput, NativePrompt

LATELY = timedelta(minutes=1)  # for so long a client that comes late is told of an end
MOST_WAITING = 10_000  # prompts of a queue that are listed
MOST_LATE = 100

STATUS, ATTEMPT = col(GenerationJob.status), col(GenerationJob.attempt)
WAITS = and_(STATUS.in_(WAITING), ATTEMPT == 0)
# Between two attempts it runs, as far as its client can see.
RUNS = and_(STATUS.in_(LIVE), or_(STATUS.in_(HELD), ATTEMPT > 0))

OwnPrompt = tuple[UUID, UUID]  # whose, and which


@dataclass(frozen=True)
class Prompt:
    """A job and how its client calls it; its outputs once it has ended."""

    job: GenerationJob
    name: NativePrompt
    outputs: Sequence[JobOutput] = ()

    @property
    def id(self) -> str:
        return str(self.name.prompt_id)


@dataclass
class LivePrompt:
    """A prompt as its watchers know it."""

    job_id: int
    client_id: str | None
    events: int = 0
    has_started: bool = False


QUEUED = (
    col(GenerationJob.id),
    col(GenerationJob.status),
    col(GenerationJob.attempt),
    col(GenerationJob.events),
    col(GenerationJob.created_at),
    col(NativePrompt.prompt_id),
    col(NativePrompt.client_id),
)


def unfinished(user_id: UUID) -> Select[*tuple[Any, ...]]:
    """The prompts of a queue, in the order in which they came; each status is read from its own part of an index."""
    return (
        columns_of(*QUEUED)
        .join(NativePrompt, col(NativePrompt.job_id) == col(GenerationJob.id))
        .where(col(GenerationJob.user_id) == user_id, col(GenerationJob.status).in_(LIVE))
        .where(col(NativePrompt.hidden_at).is_(None))
        .order_by(col(GenerationJob.id))
        .limit(MOST_WAITING)
    )


def is_running(job: Row[Any] | GenerationJob) -> bool:
    """As RUNS has it."""
    return job.status in HELD or (job.attempt > 0 and job.status not in FINAL)


def queue_rows(engine: Engine, user_id: UUID, with_graph: int) -> tuple[Sequence[Row[Any]], dict[int, Row[Any]]]:
    """The prompts of a user that have not ended, and what the first of them ask for: of all, it could be gigabytes."""
    with transaction(engine) as session:
        rows = session.execute(unfinished(user_id)).all()
        first = [row.id for row in sorted(rows, key=lambda row: not is_running(row))[:with_graph]]
        asked = columns_of(
            *(col(getattr(GenerationJob, name)) for name in ("id", "workflow", "params", "extra_pnginfo"))
        )
        found = session.execute(asked.where(col(GenerationJob.id).in_(first))).all()
        return rows, {row.id: row for row in found}


def remaining(engine: Engine, user_id: UUID) -> int:
    """How many prompts of a user have not ended."""
    with reading(engine) as session:
        count: int = session.execute(columns_of(func.count()).select_from(unfinished(user_id).subquery())).scalar_one()
        return count


def live_prompts(engine: Engine, user_id: UUID) -> tuple[datetime, list[LivePrompt]]:
    """The time, and the prompts of a user that have not ended."""
    with transaction(engine) as session:
        now = database_time(session)
        rows = session.execute(unfinished(user_id)).all()
    return now, [LivePrompt(row.id, row.client_id, row.events, is_running(row)) for row in rows]


def untold_ends(engine: Engine, user_id: UUID, client_id: str) -> Sequence[int]:
    """The jobs of a client that ended within the last minute, and whose end no socket was told; in their order."""
    latest = (
        columns_of(col(NativePrompt.job_id))
        .where(col(NativePrompt.user_id) == user_id, col(NativePrompt.client_id) == client_id)
        .where(col(NativePrompt.told_at).is_(None), col(NativePrompt.hidden_at).is_(None))
        .order_by(col(NativePrompt.job_id).desc())
        .limit(MOST_LATE)
        .subquery()
    )
    ended = (col(GenerationJob.status).in_(FINAL), col(GenerationJob.completed_at) > func.now() - LATELY)
    with reading(engine) as session:
        found = columns_of(col(GenerationJob.id)).join(latest, latest.c.job_id == col(GenerationJob.id))
        return session.scalars(found.where(*ended).order_by(col(GenerationJob.completed_at))).all()


def find_prompt(
    engine: Engine, user_id: UUID, *, prompt_id: UUID | None = None, job_id: int | None = None
) -> Prompt | None:
    """A prompt of a user that is not hidden, by one of its names."""
    named = col(NativePrompt.prompt_id) == prompt_id if prompt_id else col(NativePrompt.job_id) == job_id
    statement = select(GenerationJob, NativePrompt).join(
        NativePrompt, col(NativePrompt.job_id) == col(GenerationJob.id)
    )
    with transaction(engine) as session:
        found = session.exec(
            statement.where(named, col(NativePrompt.user_id) == user_id, col(NativePrompt.hidden_at).is_(None))
        ).one_or_none()
        if found is None:
            return None
        job, name = found
        outputs = outputs_of(session, [job.id]).get(job.id, ()) if job.status in FINAL else ()
        return Prompt(job, name, outputs)


ASKED = (
    func.unnest(bindparam("user_ids", type_=ARRAY(Uuid)), bindparam("prompt_ids", type_=ARRAY(Uuid)))
    .table_valued(column("user_id", Uuid), column("prompt_id", Uuid))
    .render_derived("asked")
)
ENDED_JOBS: Prepared[tuple[UUID, UUID, int]] = Prepared(
    "ended_jobs",
    columns_of(ASKED.c.user_id, ASKED.c.prompt_id, col(GenerationJob.id))
    .select_from(ASKED)
    .join(
        NativePrompt,
        and_(col(NativePrompt.user_id) == ASKED.c.user_id, col(NativePrompt.prompt_id) == ASKED.c.prompt_id),
    )
    .join(GenerationJob, col(GenerationJob.id) == col(NativePrompt.job_id))
    .where(col(NativePrompt.hidden_at).is_(None), col(GenerationJob.status).in_(FINAL)),
    row=lambda *of: of,
    columns=(col(NativePrompt.user_id), col(NativePrompt.prompt_id), col(GenerationJob.id)),
)


def ended_jobs(engine: Engine, asked: Collection[OwnPrompt]) -> dict[OwnPrompt, int]:
    """The jobs of these prompts, of those that have ended and are not hidden."""
    user_ids, prompt_ids = zip(*asked, strict=True) if asked else ((), ())
    with reading(engine) as session:
        found = ENDED_JOBS.all(session, {"user_ids": list(user_ids), "prompt_ids": list(prompt_ids)})
        return {(user_id, prompt_id): job_id for user_id, prompt_id, job_id in found}


def ended_ids(engine: Engine, user_id: UUID, limit: int, offset: int | None) -> Sequence[int]:
    """The jobs of a page of the history, the oldest first: the newest ones, or those from a place on."""
    ended = (
        columns_of(col(NativePrompt.job_id))
        .join(GenerationJob, col(GenerationJob.id) == col(NativePrompt.job_id))
        .where(col(NativePrompt.user_id) == user_id, col(NativePrompt.hidden_at).is_(None))
        .where(col(GenerationJob.status).in_(FINAL))
    )
    with reading(engine) as session:
        if offset is not None:
            return session.scalars(ended.order_by(col(NativePrompt.job_id)).limit(limit).offset(offset)).all()
        return session.scalars(ended.order_by(col(NativePrompt.job_id).desc()).limit(limit)).all()[::-1]


def prompt_of(*values: Any) -> Prompt:
    of_job = len(whole(GenerationJob))
    return Prompt(made_of(GenerationJob)(*values[:of_job]), made_of(NativePrompt)(*values[of_job:]))


PROMPTS = Prepared(
    "prompts",
    columns_of(*whole(GenerationJob), *whole(NativePrompt))
    .join(NativePrompt, col(NativePrompt.job_id) == col(GenerationJob.id))
    .where(
        col(GenerationJob.id) == any_(bindparam("these_jobs", type_=ARRAY(Integer))),
        col(NativePrompt.user_id) == bindparam("this_user", type_=Uuid),
    )
    .order_by(col(GenerationJob.id)),
    row=prompt_of,
    columns=(*whole(GenerationJob), *whole(NativePrompt)),
)


def prompts_with(engine: Engine, user_id: UUID, job_ids: Collection[int]) -> Sequence[Prompt]:
    """These jobs of a user as prompts, each with its outputs, in their order."""
    with reading(engine) as session:
        found = PROMPTS.all(session, {"this_user": user_id, "these_jobs": list(job_ids)})
        outputs = outputs_of(session, [prompt.job.id for prompt in found])
    return [Prompt(prompt.job, prompt.name, outputs.get(prompt.job.id, ())) for prompt in found]


def note_told(engine: Engine, job_id: int) -> None:
    """The end of this prompt was told to a socket."""
    with transaction(engine) as session:
        statement = update(NativePrompt).where(col(NativePrompt.job_id) == job_id).values(told_at=func.now())
        session.execute(statement, execution_options={"synchronize_session": False})


def hide(engine: Engine, user_id: UUID, prompt_ids: Collection[UUID] | None) -> None:
    """Show these ended prompts of a user no more, or all (None). Their jobs stay as they are."""
    ended = columns_of(col(GenerationJob.id)).where(
        col(GenerationJob.user_id) == user_id, col(GenerationJob.status).in_(FINAL)
    )
    statement = (
        update(NativePrompt)
        .where(col(NativePrompt.user_id) == user_id, col(NativePrompt.hidden_at).is_(None))
        .where(col(NativePrompt.job_id).in_(ended))
        .values(hidden_at=func.now())
    )
    if prompt_ids is not None:
        statement = statement.where(col(NativePrompt.prompt_id).in_(prompt_ids))
    with transaction(engine) as session:
        session.execute(statement, execution_options={"synchronize_session": False})

"""An attempt is one worker's hold on a job: how it begins and ends, which prompt it has, and what earlier ones left."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import CTE, Insert, String, Update, bindparam, func, insert, literal, update
from sqlalchemy import select as select_columns
from sqlmodel import Session, SQLModel, col, select

from shared.jobs.error_kinds import says_only_waited
from shared.jobs.errors import GenerationError, PromptLost, ServerWedged
from shared.jobs.job_events import error_columns, error_data
from shared.models import GenerationJob, JobAttempt, Outcome, Worker
from shared.usage.notes import note_attempt_sql

JOBS = SQLModel.metadata.tables["generation_jobs"]
ENDED = (col(JobAttempt.job_id), col(JobAttempt.server), col(JobAttempt.started_at))  # what is noted of an attempt
MESSAGE = bindparam("this_message", type_=String)
MOST_DEATHS = 3  # of workers under one job, before the job is taken for the cause
MOST_WAITS = 5  # of a job in vain in the queues of servers, before that costs it attempts


class Lease(NamedTuple):
    """A worker's hold on a job. Every write of the worker names it."""

    job_id: int
    attempt: int


class Prompt(NamedTuple):
    """A prompt in ComfyUI's hands: on which server, under which id."""

    server: str
    id: str


def begin_attempt_sql(job: CTE, *, adopted: bool) -> Insert:
    """The INSERT that begins the attempt of a job that was just given to a worker, with the prompt the job names."""
    values: dict[str, Any] = {
        "job_id": job.c.id,
        "attempt": job.c.attempt,
        "worker_id": job.c.worker_id,
        "message_id": MESSAGE,
        "server": job.c.server,
        "comfyui_prompt_id": job.c.comfyui_prompt_id,
        "adopted": literal(adopted),
    }
    return insert(JobAttempt).from_select(list(values), select_columns(*values.values()))


def end_attempt_sql(job_id: Any, attempt: Any, outcome: Outcome, **error: Any) -> Update:
    """The UPDATE that ends an attempt, unless it has ended. `error` are the columns of the error that ended it."""
    this = (col(JobAttempt.job_id) == job_id, col(JobAttempt.attempt) == attempt, col(JobAttempt.outcome).is_(None))
    return update(JobAttempt).where(*this).values(outcome=outcome, ended_at=func.now(), **error)


def end_attempt(session: Session, lease: Lease, outcome: Outcome, error: GenerationError | None = None) -> None:
    """End an attempt, and note what it used."""
    columns = error_columns(error_data(error)) if error else {}
    ended = end_attempt_sql(lease.job_id, lease.attempt, outcome, **columns).returning(*ENDED).cte("ended")
    session.connection().execute(note_attempt_sql(JOBS, ended, outcome))


def set_attempt_prompt(session: Session, lease: Lease, prompt: Prompt, *, adopted: bool) -> None:
    """Let the attempt's row name this prompt."""
    session.exec(
        update(JobAttempt)
        .where(col(JobAttempt.job_id) == lease.job_id, col(JobAttempt.attempt) == lease.attempt)
        .values(server=prompt.server, comfyui_prompt_id=prompt.id, adopted=adopted)
    )


class EndedAttempt(NamedTuple):
    """An attempt that has ended. `survived`: its worker was seen alive after that."""

    attempt: JobAttempt
    survived: bool


def ended_attempts(session: Session, job: GenerationJob) -> Sequence[EndedAttempt]:
    """The attempts before the one that has just begun."""
    if job.attempt == 1:
        return []
    survived = func.coalesce(col(Worker.last_seen_at) > col(JobAttempt.ended_at), False)
    found = (
        select(JobAttempt, survived)
        .outerjoin(Worker, col(Worker.id) == col(JobAttempt.worker_id))
        .where(JobAttempt.job_id == job.id, JobAttempt.attempt < job.attempt)
        .order_by(col(JobAttempt.attempt))
    )
    return [EndedAttempt(*row) for row in session.exec(found)]


def prompt_in_doubt(ended: Sequence[EndedAttempt]) -> Prompt | None:
    """The prompt of the last attempt, if it may still be alive in ComfyUI."""
    last = ended[-1].attempt if ended else None
    if last is None or last.outcome is None or not last.outcome.leaves_doubt:
        return None
    return Prompt(last.server, last.comfyui_prompt_id)


def fallen_silent(ended: Sequence[EndedAttempt]) -> JobAttempt | None:
    """The last attempt, if its worker fell silent."""
    last = ended[-1].attempt if ended else None
    return last if last is not None and last.outcome is Outcome.EXPIRED else None


class Sender(NamedTuple):
    """The worker that has sent a prompt. `is_gone`: as far as is known it listens to ComfyUI no more."""

    worker_id: str
    is_gone: bool


def sender_of(ended: Sequence[EndedAttempt], prompt: Prompt) -> Sender | None:
    """Whose prompt it is that was sent before. Later attempts that name it have adopted it. None: nobody knows.

    A worker that is stopped closes its sockets before it releases its jobs."""
    for attempt, survived in ended:
        if (attempt.server, attempt.comfyui_prompt_id) == prompt:
            is_dead = attempt.outcome is Outcome.EXPIRED and not survived
            return Sender(attempt.worker_id, is_dead or attempt.outcome is Outcome.RELEASED)
    return None


def worker_deaths(ended: Sequence[EndedAttempt]) -> int:
    """How many workers died. One that was only cut off from the database or the machine, and came back, did not."""
    return sum(attempt.outcome is Outcome.EXPIRED and not survived for attempt, survived in ended)


class ServerDeaths(NamedTuple):
    """How often a server came to grief while it ran the job: `wedged`, it ran nothing any more, or `lost`, it ended."""

    wedged: int = 0
    lost: int = 0

    def with_one_more(self, code: str | None, details: Mapping[str, Any] | None) -> "ServerDeaths":
        """These, and the failure with that code and those details, if it is such a one."""
        if details is None or details.get("was_running") is not True:
            return self
        # A restart command may be quicker than the job in noticing the wedge that it is for.
        wedged = code == ServerWedged.code or (code == PromptLost.code and details.get("was_wedged") is True)
        return ServerDeaths(self.wedged + wedged, self.lost + (code == PromptLost.code and not wedged))


def server_deaths(ended: Sequence[EndedAttempt]) -> ServerDeaths:
    found = ServerDeaths()
    for attempt, _ in ended:
        found = found.with_one_more(attempt.error_code, attempt.error_details)
    return found


def only_waited(attempt: JobAttempt) -> bool:
    """Whether the attempt failed before its prompt had begun to run."""
    return says_only_waited(attempt.error_details)


def times_waited(ended: Sequence[EndedAttempt]) -> int:
    """How often the job has waited for its turn in vain."""
    return sum(only_waited(attempt) for attempt, _ in ended)


def last_failure(ended: Sequence[EndedAttempt]) -> JobAttempt | None:
    """The last attempt that failed while its prompt ran, or after that."""
    failed = (attempt for attempt, _ in reversed(ended) if attempt.error_code and not only_waited(attempt))
    return next(failed, None)


def failures_by_code(ended: Sequence[EndedAttempt]) -> Mapping[str, int]:
    return Counter(attempt.error_code for attempt, _ in ended if attempt.error_code)


def is_known_to_others(session: Session, lease: Lease, prompt_id: str) -> bool:
    """Whether another attempt of the job has, or had, this prompt too."""
    others = (JobAttempt.job_id == lease.job_id, JobAttempt.attempt != lease.attempt)
    same = select(JobAttempt.attempt).where(*others, JobAttempt.comfyui_prompt_id == prompt_id)
    return session.exec(same.limit(1)).first() is not None

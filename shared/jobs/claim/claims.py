"""A worker takes the best waiting job for a server with a free slot, and holds it under a lease it must renew."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from types import MappingProxyType
from typing import NamedTuple
from uuid import uuid4

from sqlalchemy import String, bindparam, func, insert, tuple_, update
from sqlmodel import Session, col, select

from shared.files.folders import discard_attempt_folder
from shared.jobs.claim.conditions import ABANDONED_WITHIN_REACH, BEST_JOB, SERVER, SERVERS, facts_for
from shared.jobs.claim.free_server import Look, count_exactly, free_servers, look
from shared.jobs.lifecycle import Lease, held, told
from shared.jobs.start_and_complete import MESSAGE, starting
from shared.jobs.transitions import transition
from shared.models import HELD, EventType, GenerationJob, JobAttempt, JobStatus, Outcome, Worker

LEASE = timedelta(seconds=30)  # a worker that says nothing for so long has lost its jobs


class Prompt(NamedTuple):
    """A prompt in ComfyUI's hands: on which server, under which id."""

    server: str
    id: str


class Claim(NamedTuple):
    """A job that was given to this worker.

    `prompt` is where, and under which id, to send it. `doubt` is a prompt sent before that may still be alive and
    must be looked for first; after an adoption the two are mostly the same. Until that is done the attempt's row
    names the doubt, so that whoever comes after a worker that died meanwhile looks for it too. `deaths` counts the
    workers that died under this job, `failures` its earlier attempts by the code they failed with.
    """

    job: GenerationJob
    lease: Lease
    prompt: Prompt
    doubt: Prompt | None
    deaths: int = 0
    failures: Mapping[str, int] = MappingProxyType({})


class Claimant(NamedTuple):
    """Who asks for a job: the worker, the message that woke it, and the servers it can reach."""

    worker_id: str
    message_id: str
    servers: Sequence[str]
    running_jobs: int | None = None  # how many of one user may run at once, unless the user's row says otherwise


def claim(session: Session, claimant: Claimant) -> Claim | None:
    """Take over a job whose worker fell silent, or else the best queued one. None if there is nothing to do."""
    seen = look(session, claimant.servers, claimant.running_jobs)
    claimed = adopt(session, claimant) if seen.is_abandoned else None
    if claimed is None and seen.first is not None:
        if seen.is_limited:
            count_exactly(session)
        claimed = take(session, claimant, seen)
    return claimed


NEW_ATTEMPT = insert(JobAttempt)
WORKER = bindparam("new_worker", type_=String)
PROMPT = bindparam("new_prompt", type_=String)
NEW_HOLD = {
    "attempt": GenerationJob.attempt + 1,
    "worker_id": WORKER,
    "lease_expires_at": func.now() + LEASE,
}
FIRST_ABANDONED = (
    select(GenerationJob.id)
    .where(*ABANDONED_WITHIN_REACH)
    .order_by(col(GenerationJob.lease_expires_at))
    .limit(1)
    .with_for_update(skip_locked=True)
)
ADOPT = (
    update(GenerationJob)
    .where(col(GenerationJob.id) == FIRST_ABANDONED.scalar_subquery())
    .values(updated_at=func.now(), **NEW_HOLD)
    .returning(GenerationJob)
    .execution_options(synchronize_session=False, populate_existing=True)
)


def adopt(session: Session, claimant: Claimant) -> Claim | None:
    """The job whose lease ran out first, with the prompt its last worker left behind."""
    facts = {SERVERS.key: claimant.servers, WORKER.key: claimant.worker_id}
    job = session.scalars(ADOPT, facts).one_or_none()
    if job is None:
        return None
    session.exec(
        update(JobAttempt)
        .where(col(JobAttempt.job_id) == job.id, col(JobAttempt.outcome).is_(None))
        .values(outcome=Outcome.EXPIRED, ended_at=func.now())
    )
    discard_attempt_folder(session, job, job.attempt - 1)
    claim = claim_of(session, job, left_behind=prompt_of(job))
    begin_attempt(session, claim, claimant)
    return claim


TAKE = starting(
    transition(
        "claim",
        BEST_JOB,
        **NEW_HOLD,
        started_at=func.coalesce(GenerationJob.started_at, func.now()),
        server=SERVER,
        comfyui_prompt_id=PROMPT,
    )
)


def take(session: Session, claimant: Claimant, seen: Look) -> Claim | None:
    """The best job for a free server, see `shared.jobs.claim.conditions`."""
    hold = {WORKER.key: claimant.worker_id, MESSAGE.key: claimant.message_id, PROMPT.key: str(uuid4())}
    for seat in free_servers(session, claimant.servers, seen):
        facts = facts_for(seat, claimant.servers, claimant.running_jobs)
        if job := TAKE.load(session, {**facts, **hold}):
            told(session, job, EventType.STARTED, {"server": seat.server})
            claim = claim_of(session, job)
            if claim.doubt:
                point(session, claim.lease, claim.doubt, adopted=True)
            return claim
    return None


def claim_of(session: Session, job: GenerationJob, left_behind: Prompt | None = None) -> Claim:
    """`left_behind` is the prompt of a job that is taken over, should its attempts tell of none."""
    earlier = attempts_before(session, job)
    doubt = in_doubt(earlier) or left_behind
    return Claim(job, Lease(job.id, job.attempt), prompt_of(job), doubt, deaths(earlier), failures(earlier))


def prompt_of(job: GenerationJob) -> Prompt:
    assert job.server is not None
    assert job.comfyui_prompt_id is not None
    return Prompt(job.server, job.comfyui_prompt_id)


def begin_attempt(session: Session, claim: Claim, claimant: Claimant) -> None:
    prompt = claim.doubt or claim.prompt
    facts = {
        "job_id": claim.job.id,
        "attempt": claim.lease.attempt,
        "worker_id": claimant.worker_id,
        "message_id": claimant.message_id,
        "server": prompt.server,
        "comfyui_prompt_id": prompt.id,
        "adopted": claim.doubt is not None,
    }
    session.connection().execute(NEW_ATTEMPT, facts)


class Earlier(NamedTuple):
    """An attempt that has ended. `survived` says that its worker was seen alive after that."""

    attempt: JobAttempt
    survived: bool


def attempts_before(session: Session, job: GenerationJob) -> Sequence[Earlier]:
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
    return [Earlier(*row) for row in session.exec(found)]


def in_doubt(earlier: Sequence[Earlier]) -> Prompt | None:
    """The prompt of the last attempt, if it may still be alive."""
    last = earlier[-1].attempt if earlier else None
    if last is None or last.outcome is None or not last.outcome.leaves_doubt:
        return None
    return Prompt(last.server, last.comfyui_prompt_id)


def deaths(earlier: Sequence[Earlier]) -> int:
    """A worker that was only cut off, from the database or the machine, and came back has not died."""
    return sum(attempt.outcome is Outcome.EXPIRED and not survived for attempt, survived in earlier)


def failures(earlier: Sequence[Earlier]) -> Mapping[str, int]:
    return Counter(attempt.error_code for attempt, _ in earlier if attempt.error_code)


def avoid(session: Session, lease: Lease, server: str) -> None:
    """Give the job to another server next time, if there is one."""
    job = col(GenerationJob.id) == lease.job_id
    session.exec(update(GenerationJob).where(job).values(avoid_server=server))


def redirect(session: Session, lease: Lease, prompt: Prompt, *, adopted: bool) -> None:
    """Record that this attempt goes on with another prompt than it was claimed with. Raises LeaseLost."""
    held(session, "redirect", lease, server=prompt.server, comfyui_prompt_id=prompt.id)
    point(session, lease, prompt, adopted=adopted)


def point(session: Session, lease: Lease, prompt: Prompt, *, adopted: bool) -> None:
    """Let the attempt's row name this prompt."""
    session.exec(
        update(JobAttempt)
        .where(col(JobAttempt.job_id) == lease.job_id, col(JobAttempt.attempt) == lease.attempt)
        .values(server=prompt.server, comfyui_prompt_id=prompt.id, adopted=adopted)
    )


def renew(session: Session, leases: Collection[Lease]) -> dict[Lease, JobStatus]:
    """Extend every lease that is still good, in one UPDATE. What is missing in the answer is lost."""
    if not leases:
        return {}
    rows = session.execute(
        update(GenerationJob)
        .where(
            tuple_(col(GenerationJob.id), col(GenerationJob.attempt)).in_(list(leases)),
            col(GenerationJob.status).in_(HELD),
            col(GenerationJob.worker_id).is_not(None),
        )
        .values(lease_expires_at=func.now() + LEASE)
        .returning(col(GenerationJob.id), col(GenerationJob.attempt), col(GenerationJob.status))
        .execution_options(synchronize_session=False)
    )
    return {Lease(job_id, attempt): JobStatus(status) for job_id, attempt, status in rows}

"""A worker takes the best waiting job for a server with a free slot, and holds it under a lease it must renew."""

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, Integer, cast, func, or_, tuple_, update
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from shared.doubts import last_attempt
from shared.leftovers import note_leftovers
from shared.lifecycle import Lease, held, move, record
from shared.models import HELD, ComfyUIServer, EventType, GenerationJob, JobAttempt, JobStatus, Outcome, User

LEASE = timedelta(seconds=30)  # a worker that says nothing for so long has lost its jobs
SERVER_SEEN = timedelta(seconds=30)  # a server that no worker saw for so long gets no job
OUT_OF_REACH = timedelta(minutes=1)  # after so long, a worker that does not know its server may adopt a job


# Held by a worker that let its lease run out. What the former system left running was never held by one.
ABANDONED = (
    col(GenerationJob.status).in_(HELD),
    col(GenerationJob.lease_expires_at) <= func.now(),
    col(GenerationJob.server).is_not(None),
)


class Prompt(NamedTuple):
    """A prompt in ComfyUI's hands: on which server, under which id."""

    server: str
    id: str


class Claim(NamedTuple):
    """A job that was given to this worker.

    `prompt` is where, and under which id, to send it. `doubt` is a prompt sent before that may still be alive and
    must be looked for first; after an adoption the two are mostly the same. Until that is done the attempt's row
    names the doubt, so that whoever comes after a worker that died meanwhile looks for it too. `deaths` counts the
    workers that fell silent under this job.
    """

    job: GenerationJob
    lease: Lease
    prompt: Prompt
    doubt: Prompt | None
    deaths: int


class Claimant(NamedTuple):
    """Who asks for a job: the worker, the message that woke it, and the servers it can reach."""

    worker_id: str
    message_id: str
    servers: Sequence[str]
    slots: int
    running_jobs: int | None = None  # how many of one user may run at once, unless the user's row says otherwise


def claim(session: Session, claimant: Claimant) -> Claim | None:
    """Take over a job whose worker fell silent, or else the first queued one. None if there is nothing to do."""
    return adopt(session, claimant) or take(session, claimant)


def adopt(session: Session, claimant: Claimant) -> Claim | None:
    """The job whose lease ran out first, with the prompt its last worker left behind."""
    within_reach = or_(
        col(GenerationJob.server).in_(claimant.servers),
        col(GenerationJob.lease_expires_at) <= func.now() - OUT_OF_REACH,
    )
    abandoned = (
        select(GenerationJob.id)
        .where(*ABANDONED, within_reach)
        .order_by(col(GenerationJob.lease_expires_at))
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    statement = (
        update(GenerationJob)
        .where(col(GenerationJob.id) == abandoned.scalar_subquery())
        .values(updated_at=func.now(), **new_hold(claimant))
        .returning(GenerationJob)
    )
    job = session.scalars(statement).one_or_none()
    if job is None:
        return None
    session.exec(
        update(JobAttempt)
        .where(col(JobAttempt.job_id) == job.id, col(JobAttempt.outcome).is_(None))
        .values(outcome=Outcome.EXPIRED, ended_at=func.now())
    )
    note_leftovers(session, job, job.attempt - 1)
    doubt = prompt_of(last_attempt(session, job.id))
    begin_attempt(session, job, claimant, doubt, adopted=True)
    return Claim(job, Lease(job.id, job.attempt), prompt_of(job), doubt, deaths(session, job.id))


def take(session: Session, claimant: Claimant) -> Claim | None:
    """The most urgent queued job whose time has come, or of several the oldest, for the server with the most free
    slots."""
    ready = startable(claimant.running_jobs)
    # Before the servers are locked: a wake-up that finds nothing costs one look at an index.
    if session.exec(select(GenerationJob.id).where(*ready).limit(1)).first() is None:
        return None
    server = free_server(session, claimant)
    if server is None:
        return None
    first = select(GenerationJob).where(*ready).order_by(*FIRST_COMES).limit(1)
    before = session.exec(first.with_for_update(skip_locked=True)).one_or_none()
    if before is None:
        return None
    doubt = prompt_of(last_attempt(session, before.id)) if before.server else None
    job = move(
        session,
        "claim",
        before.id,
        **new_hold(claimant),
        started_at=func.coalesce(GenerationJob.started_at, func.now()),
        server=server,
        comfyui_prompt_id=str(uuid4()),
    )
    assert job is not None, "the row is locked, so nobody else moved it"
    begin_attempt(session, job, claimant, doubt or prompt_of(job), adopted=doubt is not None)
    record(session, job, EventType.STARTED, server=server)
    return Claim(job, Lease(job.id, job.attempt), prompt_of(job), doubt, deaths(session, job.id))


FIRST_COMES = (col(GenerationJob.priority).desc(), col(GenerationJob.id))


def startable(running_jobs: int | None) -> list[ColumnElement[bool]]:
    """What a job must be to be started now: queued, its time come, its deadline not passed, its owner below the limit
    of `running_jobs` at once."""
    return [
        col(GenerationJob.status) == JobStatus.QUEUED,
        col(GenerationJob.run_after) <= func.now(),
        col(GenerationJob.deadline_at).is_(None)
        | (col(GenerationJob.deadline_at) > func.now())
        | col(GenerationJob.started_at).is_not(None),
        col(GenerationJob.user_id).not_in(users_at_their_limit(running_jobs)),
    ]


def users_at_their_limit(running_jobs: int | None) -> SelectOfScalar[UUID]:
    """The owners of as many running jobs as they may have. Few rows: they are counted where jobs are held."""
    limit = func.coalesce(User.running_jobs_limit, cast(running_jobs, Integer))
    return (
        select(GenerationJob.user_id)
        .join(User, col(User.id) == col(GenerationJob.user_id))
        .where(col(GenerationJob.status).in_(HELD))
        .group_by(col(GenerationJob.user_id), col(User.running_jobs_limit))
        .having(func.count() >= limit)
    )


def free_server(session: Session, claimant: Claimant) -> str | None:
    """The server with the fewest jobs among those that answer and have a free slot.

    The servers stay locked until the claim is committed, so that two workers cannot both take the last slot.
    """
    answering = session.exec(
        select(ComfyUIServer.name)
        .where(
            col(ComfyUIServer.name).in_(claimant.servers),
            col(ComfyUIServer.unreachable_since).is_(None),
            col(ComfyUIServer.last_seen_at) > func.now() - SERVER_SEEN,
        )
        .order_by(ComfyUIServer.name)
        .with_for_update()
    ).all()
    load = dict(
        session.exec(
            select(GenerationJob.server, func.count())
            .where(col(GenerationJob.status).in_(HELD), col(GenerationJob.server).in_(answering))
            .group_by(col(GenerationJob.server))
        ).all()
    )
    free = [server for server in answering if load.get(server, 0) < claimant.slots]
    return min(free, key=lambda server: load.get(server, 0), default=None)


def new_hold(claimant: Claimant) -> dict[str, Any]:
    return {
        "attempt": GenerationJob.attempt + 1,
        "worker_id": claimant.worker_id,
        "lease_expires_at": func.now() + LEASE,
    }


def prompt_of(row: GenerationJob | JobAttempt) -> Prompt:
    assert row.server is not None
    assert row.comfyui_prompt_id is not None
    return Prompt(row.server, row.comfyui_prompt_id)


def begin_attempt(session: Session, job: GenerationJob, claimant: Claimant, prompt: Prompt, *, adopted: bool) -> None:
    session.add(
        JobAttempt(
            job_id=job.id,
            attempt=job.attempt,
            worker_id=claimant.worker_id,
            message_id=claimant.message_id,
            server=prompt.server,
            comfyui_prompt_id=prompt.id,
            adopted=adopted,
        )
    )


def deaths(session: Session, job_id: int) -> int:
    died = (JobAttempt.job_id == job_id, JobAttempt.outcome == Outcome.EXPIRED)
    return session.exec(select(func.count()).select_from(JobAttempt).where(*died)).one()


def redirect(session: Session, lease: Lease, prompt: Prompt, *, adopted: bool) -> None:
    """Record that this attempt goes on with another prompt than it was claimed with. Raises LeaseLost."""
    held(session, "redirect", lease, server=prompt.server, comfyui_prompt_id=prompt.id)
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
        )
        .values(lease_expires_at=func.now() + LEASE)
        .returning(col(GenerationJob.id), col(GenerationJob.attempt), col(GenerationJob.status))
        .execution_options(synchronize_session=False)
    )
    return {Lease(job_id, attempt): JobStatus(status) for job_id, attempt, status in rows}

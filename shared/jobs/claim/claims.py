"""A worker takes the best waiting job for a server with a free slot, and holds it under a lease it must renew."""

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from types import MappingProxyType
from typing import NamedTuple
from uuid import uuid4

from sqlalchemy import ColumnElement, Integer, Interval, String, bindparam, func, tuple_, update
from sqlmodel import Session, col, select

from shared.files.folders import discard_attempt_folder
from shared.fleet.capabilities import SERVER
from shared.jobs.attempts import (
    MESSAGE,
    MOST_DEATHS,
    MOST_WAITS,
    Lease,
    Prompt,
    Sender,
    ServerDeaths,
    ended_attempts,
    failures_by_code,
    fallen_silent,
    last_failure,
    prompt_in_doubt,
    sender_of,
    server_deaths,
    set_attempt_prompt,
    times_waited,
    worker_deaths,
)
from shared.jobs.claim.conditions import ABANDONED_WITHIN_REACH, BEST_JOB, SERVERS, values_for
from shared.jobs.claim.free_server import Backlog, count_exactly, free_servers, read_backlog
from shared.jobs.job_events import publish_events
from shared.jobs.lanes.parking import fill
from shared.jobs.start_and_complete import TakenJob, adopting, starting
from shared.jobs.transitions import transition_sql
from shared.models import HELD, EventType, GenerationJob, JobAttempt, JobStatus

WORKER = bindparam("this_worker", type_=String)
PROMPT = bindparam("new_prompt", type_=String)
DURATION = bindparam("lease_duration", type_=Interval)
MOST_ATTEMPTS = bindparam("most_attempts", type_=Integer)  # of a job that does not say it
# Each attempt may fail, each death of a worker lets another one go on with it, and some waits in vain cost no attempt.
# The row is refused below zero.
ALL_CLAIMS = func.coalesce(GenerationJob.max_attempts, MOST_ATTEMPTS) + MOST_DEATHS + MOST_WAITS
NEW_LEASE = {
    "claims_left": func.coalesce(GenerationJob.claims_left, ALL_CLAIMS) - 1,
    "attempt": GenerationJob.attempt + 1,
    "worker_id": WORKER,
    "lease_expires_at": func.now() + DURATION,
}
FIRST_ABANDONED = (
    select(GenerationJob.id)
    .where(*ABANDONED_WITHIN_REACH)
    .order_by(col(GenerationJob.lease_expires_at))
    .limit(1)
    .with_for_update(skip_locked=True)
    .scalar_subquery()
)
ADOPT = adopting(
    update(GenerationJob).where(col(GenerationJob.id) == FIRST_ABANDONED).values(updated_at=func.now(), **NEW_LEASE)
)
TAKE = starting(
    transition_sql(
        "claim",
        col(GenerationJob.id) == BEST_JOB,
        **NEW_LEASE,
        started_at=func.coalesce(GenerationJob.started_at, func.now()),
        server=SERVER,
        comfyui_prompt_id=PROMPT,
    )
)


class Claim(NamedTuple):
    """A job that was given to this worker.

    `prompt` is where, and under which id, to send it. `doubt` is a prompt sent before that may still be alive and
    must be looked for first; after an adoption the two are mostly the same. Until that is done the attempt's row
    names the doubt, so that the next worker looks for it too if this one dies meanwhile. `deaths` counts the
    workers that died under this job, `server_deaths` the servers, `failures` its earlier attempts by the code they
    failed with, and `waits` those that failed before the prompt had begun to run. `last_failure` is the last of the
    others. `sender` is who has sent the doubt. The workflow of the job `is_quarantined`, as far as is known.
    `silent` is the attempt before, if its worker fell silent.
    """

    job: GenerationJob
    lease: Lease
    prompt: Prompt
    doubt: Prompt | None
    deaths: int = 0
    failures: Mapping[str, int] = MappingProxyType({})
    server_deaths: ServerDeaths = ServerDeaths()
    waits: int = 0
    last_failure: JobAttempt | None = None
    sender: Sender | None = None
    is_quarantined: bool = False
    silent: JobAttempt | None = None


class Claimant(NamedTuple):
    """Who asks for a job: the worker, the message that woke it, and the servers it can reach.

    The worker loses the job once it has not renewed its lease for `lease`.
    """

    worker_id: str
    message_id: str
    servers: Sequence[str]
    lease: timedelta
    running_jobs: int | None = None  # the most of one user at once, unless the user's row has another limit
    takes_new: bool = True  # else it only takes over what other workers have left behind
    max_attempts: int = 5  # of a job that does not say it


def claim(session: Session, claimant: Claimant) -> Claim | None:
    """Take over a job whose worker fell silent, or else the best queued one. None if there is nothing to do."""
    backlog = read_backlog(session, claimant.servers, claimant.running_jobs)
    claimed = adopt(session, claimant) if backlog.is_abandoned else None
    if claimed is None and claimant.takes_new and backlog.first is not None:
        if backlog.is_limited:
            count_exactly(session)
        claimed = take(session, claimant, backlog)
    return claimed


def adopt(session: Session, claimant: Claimant) -> Claim | None:
    """The job whose lease ran out first, with the prompt its last worker left behind."""
    values = {
        SERVERS.key: claimant.servers,
        WORKER.key: claimant.worker_id,
        MESSAGE.key: claimant.message_id,
        MOST_ATTEMPTS.key: claimant.max_attempts,
        DURATION.key: claimant.lease,
    }
    taken = ADOPT.one_or_none(session, values)
    if taken is None:
        return None
    discard_attempt_folder(session, taken.job, taken.job.attempt - 1)
    return begun(session, taken, left_behind=prompt_of(taken.job))


def take(session: Session, claimant: Claimant, backlog: Backlog) -> Claim | None:
    """The best job for a free server, see `shared.jobs.claim.conditions`."""
    hold = {
        WORKER.key: claimant.worker_id,
        MESSAGE.key: claimant.message_id,
        MOST_ATTEMPTS.key: claimant.max_attempts,
        PROMPT.key: str(uuid4()),
        DURATION.key: claimant.lease,
    }
    for server in free_servers(session, claimant.servers, backlog):
        values = values_for(server, claimant.servers, claimant.running_jobs, is_limited=backlog.is_limited)
        if taken := TAKE.one_or_none(session, {**values, **hold}):
            if backlog.are_parked:
                fill(session, {(taken.job.user_id, taken.job.priority)})
            publish_events(session, [taken.job], EventType.STARTED, {"server": server.name})
            return begun(session, taken)
    return None


def begun(session: Session, taken: TakenJob, left_behind: Prompt | None = None) -> Claim:
    """The claim of a job whose attempt has just begun. `left_behind` is the prompt of a job that is taken over: it is
    in doubt too if its attempts name no other."""
    job = taken.job
    ended = ended_attempts(session, job)
    doubt = prompt_in_doubt(ended) or left_behind
    claim = Claim(
        job,
        Lease(job.id, job.attempt),
        prompt_of(job),
        doubt,
        deaths=worker_deaths(ended),
        failures=failures_by_code(ended),
        server_deaths=server_deaths(ended),
        waits=times_waited(ended),
        last_failure=last_failure(ended),
        sender=sender_of(ended, doubt) if doubt else None,
        is_quarantined=taken.is_quarantined,
        silent=fallen_silent(ended),
    )
    if doubt and doubt != left_behind:
        set_attempt_prompt(session, claim.lease, doubt, adopted=True)
    return claim


def prompt_of(job: GenerationJob) -> Prompt:
    assert job.server is not None
    assert job.comfyui_prompt_id is not None
    return Prompt(job.server, job.comfyui_prompt_id)


def avoid(session: Session, lease: Lease, server: str) -> None:
    """Give the job to another server next time, if there is one."""
    job = col(GenerationJob.id) == lease.job_id
    session.exec(update(GenerationJob).where(job).values(avoid_server=server))


def renew(session: Session, leases: Collection[Lease], duration: timedelta) -> dict[Lease, JobStatus]:
    """Let every lease that is still good last `duration` from now, in one UPDATE. One that is missing in the answer is
    lost, unless somebody holds a lock on its row: then it is among those `still_held`, and the others do not wait."""
    if not leases:
        return {}
    free = select(GenerationJob.id).where(*are_held(leases)).with_for_update(skip_locked=True, key_share=True)
    rows = session.execute(
        update(GenerationJob)
        .where(col(GenerationJob.id).in_(free))
        .values(lease_expires_at=func.now() + duration)
        .returning(col(GenerationJob.id), col(GenerationJob.attempt), col(GenerationJob.status))
        .execution_options(synchronize_session=False)
    )
    return {Lease(job_id, attempt): JobStatus(status) for job_id, attempt, status in rows}


def still_held(session: Session, leases: Collection[Lease]) -> dict[Lease, JobStatus]:
    """Those of the leases that nobody has taken, whoever holds a lock on their rows."""
    if not leases:
        return {}
    job = (col(GenerationJob.id), col(GenerationJob.attempt), col(GenerationJob.status))
    rows = session.execute(select(*job).where(*are_held(leases)))
    return {Lease(job_id, attempt): JobStatus(status) for job_id, attempt, status in rows}


def are_held(leases: Collection[Lease]) -> tuple[ColumnElement[bool], ...]:
    return (
        tuple_(col(GenerationJob.id), col(GenerationJob.attempt)).in_(list(leases)),
        col(GenerationJob.status).in_(HELD),
        col(GenerationJob.worker_id).is_not(None),
    )

"""Jobs for tests, in whichever state a test needs one."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, update
from sqlmodel import Session, col, select

from shared.database.clock import database_time
from shared.jobs import before_start, lifecycle
from shared.jobs.claim import claims
from shared.jobs.claim.claims import Claim, Claimant
from shared.jobs.errors import PromptLost
from shared.messaging.messenger import Messenger
from shared.models import (
    ComfyUIServer,
    GenerationJob,
    JobAttempt,
    JobDuration,
    JobEvent,
    JobOutput,
    JobStatus,
    Outcome,
    OutputKind,
)

USER, ANOTHER_USER = UUID(int=1), UUID(int=2)  # the owners that every test database has
SERVER = "http://gpu:8188"
ANOTHER = "http://gpu-2:8188"
WORK = 1e6
LEASE = timedelta(seconds=30)
PARAMETERS: dict[str, Any] = {
    "prompt": "a cat",
    "checkpoint_model": "random_sd15.safetensors",
    "width": 64,
    "height": 64,
    "batch_size": 1,
    "params": {"seed": 1, "steps": 2},
}


def new_job(**values: Any) -> GenerationJob:
    first: dict[str, Any] = {"user_id": USER, "job_type": "image", "status": JobStatus.QUEUED}
    return GenerationJob(**(first | PARAMETERS | values))


def of_kind(kind: str, **values: Any) -> dict[str, Any]:
    """What a job's row has that is of a kind."""
    return {"workflow_key": kind, "shape": kind, "work": WORK, **values}


def remember(messenger: Messenger, kind: str, *seconds: float, server: str = SERVER, **values: Any) -> None:
    """Jobs of a kind took so long on a server, the latest of them first."""
    facts = {"jobs": len(seconds), "seen_on": date(2026, 1, 1), **of_kind(kind, **values)}
    with messenger.transaction() as session:
        session.merge(JobDuration(server=server, seconds=list(seconds), **facts))


def submitted(messenger: Messenger, **values: Any) -> int:
    with messenger.transaction() as session:
        return before_start.submit(session, new_job(**values)).id


def answering(messenger: Messenger, *servers: str, **values: Any) -> None:
    """These servers answered a worker just now. `values` are other columns of their rows."""
    with messenger.transaction() as session:
        now = database_time(session)
        for name in servers or (SERVER,):
            facts = {"version": "0.8.0", "last_seen_at": now, "named_at": now, **values}
            session.merge(ComfyUIServer(name=name, **facts))


def claimant(*servers: str, worker: str = "worker-1") -> Claimant:
    return Claimant(worker, "message-1", servers or (SERVER,), LEASE)


def claimed(messenger: Messenger, *servers: str, worker: str = "worker-1") -> Claim | None:
    with messenger.transaction() as session:
        return claims.claim(session, claimant(*servers, worker=worker))


def running(messenger: Messenger, **values: Any) -> Claim:
    """A job that has just been claimed."""
    answering(messenger)
    submitted(messenger, **values)
    claim = claimed(messenger)
    assert claim is not None
    return claim


def claimed_again(messenger: Messenger, claim: Claim, outcome: Outcome = Outcome.RETRIED) -> Claim:
    """The next claim of a job that is put back, and may start at once."""
    with messenger.transaction() as session:
        lifecycle.retry(session, claim.lease, PromptLost(claim.prompt.server, claim.prompt.id), outcome, timedelta(0))
    again = claimed(messenger)
    assert again is not None
    return again


def silence(messenger: Messenger, job_id: int, seconds: float = 1) -> None:
    """Its worker has fallen silent: the lease ran out so long ago."""
    with messenger.transaction() as session:
        ago = func.now() - func.make_interval(0, 0, 0, 0, 0, 0, seconds)
        session.exec(update(GenerationJob).where(col(GenerationJob.id) == job_id).values(lease_expires_at=ago))


def output(claim: Claim, number: int = 0, **values: Any) -> JobOutput:
    facts: dict[str, Any] = {
        "kind": OutputKind.IMAGE,
        "node_id": "save",
        "filename": f"job-{claim.job.id}-{number}.png",
        "path": f"{claim.job.id}/{claim.lease.attempt}/{number}.png",
        "media_type": "image/png",
        "size_bytes": 3,
        "sha256": "0" * 64,
    }
    return JobOutput(job_id=claim.job.id, number=number, **(facts | values))


def row(session: Session, job_id: int) -> GenerationJob:
    return session.get_one(GenerationJob, job_id)


def job(messenger: Messenger, job_id: int) -> GenerationJob:
    with messenger.transaction() as session:
        return row(session, job_id)


def attempts(messenger: Messenger, job_id: int) -> list[JobAttempt]:
    with messenger.transaction() as session:
        found = select(JobAttempt).where(JobAttempt.job_id == job_id).order_by(col(JobAttempt.attempt))
        return list(session.exec(found))


def events(messenger: Messenger, job_id: int) -> list[JobEvent]:
    with messenger.transaction() as session:
        found = select(JobEvent).where(JobEvent.job_id == job_id).order_by(col(JobEvent.sequence))
        return list(session.exec(found))

"""What must agree once everything has come to rest: rows with files, attempts with jobs, events with both."""

import hashlib

from sqlmodel import select

from shared.models import Asset, EventType, GenerationJob, JobOutput, JobStatus, Outcome
from tests import jobs
from tests.worker_service.deployment import Deployment

LAST_EVENT = {
    JobStatus.COMPLETED: EventType.COMPLETED,
    JobStatus.FAILED: EventType.FAILED,
    JobStatus.CANCELLED: EventType.CANCELLED,
    JobStatus.EXPIRED: EventType.EXPIRED,
}
LAST_OUTCOME = {
    JobStatus.COMPLETED: Outcome.COMPLETED,
    JobStatus.FAILED: Outcome.FAILED,
    JobStatus.CANCELLED: Outcome.CANCELLED,
}


def assert_agreement(deployment: Deployment) -> None:
    """No file without a row, no row without its file, and each job's rows tell one story."""
    with deployment.messenger.transaction() as session:
        found = list(session.exec(select(GenerationJob)))
        outputs = list(session.exec(select(JobOutput)))
        assets = {asset.path: asset.size_bytes for asset in session.exec(select(Asset))}
    assert files_of(outputs) | assets == files_in(deployment), "(rows, files)"
    for row in outputs:
        content = (deployment.folder / row.path).read_bytes()
        assert (row.size_bytes, row.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    completed = {job.id for job in found if job.status is JobStatus.COMPLETED and not has_none(job)}
    assert {row.job_id for row in outputs} == completed, "(with outputs, completed)"
    for job in found:
        assert_one_story(deployment, job)


def has_none(job: GenerationJob) -> bool:
    """Whether a job says of itself that it has no outputs."""
    return "no_outputs" in [warning["code"] for warning in job.warnings]


def files_of(outputs: list[JobOutput]) -> dict[str, int]:
    """Every file that the rows name, with its size."""
    files = {row.path: row.size_bytes for row in outputs}
    for row in outputs:
        files |= {small["path"]: small["size_bytes"] for small in row.thumbnails.values()}
    return files


def files_in(deployment: Deployment) -> dict[str, int]:
    """Every file there is, with its size."""
    found = (path for path in deployment.folder.rglob("*") if path.is_file())
    return {path.relative_to(deployment.folder).as_posix(): path.stat().st_size for path in found}


def assert_one_story(deployment: Deployment, job: GenerationJob) -> None:
    events, attempts = jobs.events(deployment.messenger, job.id), jobs.attempts(deployment.messenger, job.id)
    assert [event.sequence for event in events] == list(range(1, job.events + 1)), deployment.story(job.id)
    assert [attempt.attempt for attempt in attempts] == list(range(1, job.attempt + 1)), deployment.story(job.id)
    if not job.status.is_final:
        return
    assert events[-1].type is LAST_EVENT[job.status], deployment.story(job.id)
    assert job.lease_expires_at is None or job.status is not JobStatus.COMPLETED
    assert all(attempt.outcome for attempt in attempts), deployment.story(job.id)
    if attempts and attempts[-1].outcome is not Outcome.RETRIED:
        assert attempts[-1].outcome is LAST_OUTCOME[job.status], deployment.story(job.id)

"""What can be done with one job: it is cancelled, amended while it waits, or deleted after its end."""

from typing import Any, NamedTuple
from uuid import UUID

import structlog
from sqlalchemy import func, update
from sqlmodel import Session, col

from api_service.jobs.job_queries import owned_job
from api_service.refusals.jobs import job_ended, job_not_ended, job_not_found, job_started
from shared.configuration.choices import IN_TURNS, Sharing
from shared.database.clock import database_time
from shared.files.folders import job_folder
from shared.jobs import before_start
from shared.jobs.cancel import cancel_one
from shared.jobs.deletion import delete_job
from shared.jobs.transitions import FRESH
from shared.messaging.events import Event
from shared.messaging.messenger import Messenger
from shared.models import FINAL, WAITING, GenerationJob, JobStatus
from shared.storage.store import OutputStore

log = structlog.get_logger(__name__)


def cancel_job(messenger: Messenger, job_id: int, owner: UUID | None) -> GenerationJob:
    """Cancel a job. Returns it as it is then: `cancelled` or `cancelling`. Raises Refusal: job_not_found, job_ended."""
    with messenger.transaction() as session:
        found = owned_job(session, job_id, owner)
        job = found and cancel_one(session, job_id)
    if job is None:
        raise job_not_found(job_id)
    if job.status in FINAL - {JobStatus.CANCELLED}:
        raise job_ended(job.status)
    if job.status == JobStatus.CANCELLING:
        messenger.request_cancel(job.id)
    return job


class Amendment(NamedTuple):
    """What is to change of a job; None stays as it is. `sharing` is how users share the servers."""

    priority: int | None = None
    metadata: dict[str, Any] | None = None
    pinned: bool | None = None
    sharing: Sharing = IN_TURNS

    @property
    def of_waiting(self) -> dict[str, Any]:
        """The columns that change only while the job waits."""
        given = {"priority": self.priority, "caller_metadata": self.metadata}
        return {name: value for name, value in given.items() if value is not None}


def amend_job(messenger: Messenger, job_id: int, owner: UUID | None, amendment: Amendment) -> GenerationJob:
    """Change what is given of a job, all or nothing. Raises Refusal: job_not_found, job_started."""
    with messenger.transaction() as session:
        job = owned_job(session, job_id, owner, lock=True)
        if job is None:
            raise job_not_found(job_id)
        if amendment.of_waiting:
            job = before_start.amend(session, job_id, sharing=amendment.sharing, **amendment.of_waiting) or job
            if job.status not in WAITING:
                raise job_started(job.status)
        if amendment.pinned is not None:
            job = pin(session, job_id, pinned=amendment.pinned)
    return job


def pin(session: Session, job_id: int, *, pinned: bool) -> GenerationJob:
    """Pin a job, or unpin it, whatever its status. Returns it as it is then."""
    statement = update(GenerationJob).where(col(GenerationJob.id) == job_id)
    changed = statement.values(pinned=pinned, updated_at=func.now()).returning(GenerationJob)
    return session.scalars(changed, execution_options=FRESH).one()


def delete_with_files(messenger: Messenger, store: OutputStore, job_id: int, owner: UUID | None) -> None:
    """Delete a job that has ended, with its files. Raises Refusal: job_not_found, job_not_ended."""
    with messenger.transaction() as session:
        job = delete_job(session, job_id, owner)
        now = database_time(session)
    if job is None:
        raise job_not_found(job_id)
    if job.status not in FINAL:
        raise job_not_ended(job.status)
    messenger.publish(Event.deletion(job.id, job.user_id, now))
    try:
        store.remove(job_folder(job))
    except OSError as error:
        log.warning("files.not_removed", job_id=job.id, error=str(error))

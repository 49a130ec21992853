"""What a client takes back: its prompts that wait are deleted, and those that run are interrupted."""

from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, func, update
from sqlmodel import Session, col, select

from api_service.prompts.prompt_queries import RUNS, STATUS, WAITS
from shared.jobs.cancel import cancel_many
from shared.messaging.messenger import Messenger
from shared.models import GenerationJob, JobStatus, NativePrompt

AT_ONCE = 1000  # prompts of one request


def delete_waiting(
    messenger: Messenger, user_id: UUID, prompt_ids: Collection[UUID] | None, client_id: str | None = None
) -> int:
    """Cancel these prompts of a user if no worker has had them, or all such (None), of one client if it is said. They
    are neither in the queue nor in the history then. Returns how many there were."""
    deleted = 0
    while found := delete_some(messenger, chosen(user_id, prompt_ids, client_id)):
        deleted += found
        if found < AT_ONCE:
            break
    return deleted


def delete_some(messenger: Messenger, named: Sequence[ColumnElement[bool]]) -> int:
    with messenger.transaction() as session:
        waiting = jobs_of(session, *named, WAITS)
        changed = cancel_many(session, waiting)
        # A worker may have been given one in between: that is cancelled, and shown as interrupted.
        gone = [job.id for job in changed if job.status == JobStatus.CANCELLED]
        statement = update(NativePrompt).where(col(NativePrompt.job_id).in_(gone)).values(hidden_at=func.now())
        session.execute(statement, execution_options={"synchronize_session": False})
    tell_workers(messenger, changed)
    return len(waiting)


def interrupt(
    messenger: Messenger, user_id: UUID, prompt_ids: Collection[UUID] | None, clients: Collection[str] = ()
) -> int:
    """Cancel these prompts of a user if they run, or all that do (None), of certain clients if any are named. Returns
    how many."""
    named = chosen(user_id, prompt_ids)
    if clients:
        named.append(col(NativePrompt.client_id).in_(clients))
    with messenger.transaction() as session:
        changed = cancel_many(session, jobs_of(session, *named, RUNS, STATUS != JobStatus.CANCELLING))
    tell_workers(messenger, changed)
    return len(changed)


def cancel(messenger: Messenger, user_id: UUID, prompt_ids: Collection[UUID]) -> bool:
    """Cancel prompts whether they wait or run. Returns whether that changed anything."""
    deleted = delete_waiting(messenger, user_id, prompt_ids)
    return bool(interrupt(messenger, user_id, prompt_ids) or deleted)


def chosen(
    user_id: UUID, prompt_ids: Collection[UUID] | None, client_id: str | None = None
) -> list[ColumnElement[bool]]:
    named = [col(NativePrompt.user_id) == user_id]
    if prompt_ids is not None:
        named.append(col(NativePrompt.prompt_id).in_(prompt_ids))
    if client_id is not None:
        named.append(col(NativePrompt.client_id) == client_id)
    return named


def jobs_of(session: Session, *conditions: ColumnElement[bool]) -> Sequence[int]:
    found = select(NativePrompt.job_id).join(GenerationJob, col(GenerationJob.id) == col(NativePrompt.job_id))
    return session.exec(found.where(*conditions).order_by(col(NativePrompt.job_id)).limit(AT_ONCE)).all()


def tell_workers(messenger: Messenger, jobs: Sequence[GenerationJob]) -> None:
    for job in jobs:
        if job.status == JobStatus.CANCELLING:
            messenger.request_cancel(job.id)

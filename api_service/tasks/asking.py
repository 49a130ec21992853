"""A task is asked for: recorded, of a user only so many at a time, with what its asker may have."""

from typing import Any
from uuid import UUID

from sqlalchemy import Engine
from sqlmodel import Session, select

from api_service.accounts.idempotency_key import IdempotencyKey
from api_service.accounts.identity import Identity
from api_service.limits.key_limits import KeyLimits
from api_service.limits.rates import Limit
from api_service.refusals.accounts import quota_exceeded
from api_service.refusals.tasks import task_key_reused
from shared.database.engine import reading
from shared.files.assets import hold_user
from shared.jobs.listing.chosen import Chosen, count
from shared.messaging.messenger import Messenger, ring_after_commit
from shared.models import Task
from shared.tasks.life import open_tasks

MOST_OPEN = 20  # tasks of one user that have not ended
END_FIRST_S = 10


def terms_for(limits: KeyLimits, identity: Identity, owner: UUID | None) -> dict[str, Any]:
    """Whose jobs the task is about (None: everybody's), by which key, and how much it may add to what there is."""
    return {
        "owner": None if owner is None else str(owner),
        "key_id": identity.own_key,
        **{str(limit): limits.most(identity, limit) for limit in (Limit.QUEUED_JOBS, Limit.STORED_BYTES)},
    }


def asked_before(engine: Engine, user_id: UUID, sent: IdempotencyKey | None) -> Task | None:
    """What the same request asked for before, as it is now. Raises Refusal: idempotency_key_reused."""
    if sent is None:
        return None
    with reading(engine) as session:
        return task_under(session, user_id, sent)


def create_task(messenger: Messenger, task: Task, sent: IdempotencyKey | None = None) -> tuple[Task, bool]:
    """Record a task. Returns it, or the one that the same request asked for meanwhile, and whether it did.

    Raises Refusal: quota_exceeded, idempotency_key_reused.
    """
    with messenger.transaction() as session:
        hold_user(session, task.user_id)  # of two who come at once the second sees what the first has made
        if sent is not None:
            if (before := task_under(session, task.user_id, sent)) is not None:
                return before, True
            task.idempotency_key, task.request_digest = sent
        if open_tasks(session, task.user_id) >= MOST_OPEN:
            reason = f"no more than {MOST_OPEN} tasks of one user may be open; wait for one to end, or cancel one"
            raise quota_exceeded("open_tasks", reason, retry_after_s=END_FIRST_S)
        session.add(task)
        session.flush()
        session.refresh(task)
        ring_after_commit(session, task.user_id)
    return task, False


def task_under(session: Session, user_id: UUID, sent: IdempotencyKey) -> Task | None:
    """The task of a key. A key is kept as long as its task. Raises Refusal: idempotency_key_reused."""
    under = select(Task).where(Task.user_id == user_id, Task.idempotency_key == sent.key)
    task = session.exec(under).one_or_none()
    if task is not None and task.request_digest != sent.digest:
        raise task_key_reused(sent.key, task.id)
    return task


def how_many(engine: Engine, chosen: Chosen) -> int:
    """How many jobs a task is about."""
    with reading(engine) as session:
        return count(session, chosen)

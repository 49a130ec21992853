"""What users are told once time has passed: of batches that are done, of servers in trouble; and what is forgotten."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import Engine, delete, func
from sqlmodel import Session, col, select

from shared.database.engine import transaction
from shared.messaging.messenger import Messenger
from shared.models import Mail, Notification, NotificationBatch
from shared.notifications import batches, troubles
from worker_service.scheduler.sweeps import AT_ONCE, in_portions

log = structlog.get_logger(__name__)

KEPT = timedelta(days=30)


def tell_of_batches(messenger: Messenger) -> int:
    """Tell users of batches that are done. Returns how many were told."""
    return told(messenger, lambda session: batches.tell_of_batches(session, AT_ONCE))


def tell_of_servers(messenger: Messenger) -> int:
    """Tell admins of servers in trouble. Returns how many were told."""
    return told(messenger, troubles.tell_of_servers)


def told(messenger: Messenger, tell: Callable[[Session], set[UUID]]) -> int:
    with messenger.transaction() as session:
        users = tell(session)
    messenger.ring_users(users, messenger.channels.notifications)
    return len(users)


def remove_old_news(engine: Engine) -> int:
    """Remove notifications, batches and e-mails after a month, however they went. Returns how many."""
    removed = sum(in_portions(partial(portion, engine, *rows)) for rows in OLD)
    if removed:
        log.info("notifications.removed", count=removed)
    return removed


OLD: tuple[tuple[Any, Any], ...] = (
    (Notification.id, Notification.created_at),
    (NotificationBatch.batch_id, NotificationBatch.created_at),
    (Mail.id, Mail.created_at),
)


def portion(engine: Engine, key: Any, created_at: Any) -> int:
    old = select(key).where(col(created_at) <= func.now() - KEPT).limit(AT_ONCE)
    statement = delete(key.class_).where(col(key).in_(old)).execution_options(synchronize_session=False)
    with transaction(engine) as session:
        return session.execute(statement).rowcount  # type: ignore[attr-defined, no-any-return]

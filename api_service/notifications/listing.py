"""What a user was told: listed, counted, followed, and marked as read."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Engine, func, update
from sqlmodel import Session, col, select

from api_service.jobs.cursors import Cursors
from api_service.refusals.notifications import notification_not_found
from shared.database.engine import reading, transaction
from shared.jobs.listing.page_range import Position
from shared.models import Notification, NotificationSettings

NOTIFICATION_CURSORS = Cursors[int]("q", int, int)
MOST_COUNTED = 1000
FOLLOWED_AT_ONCE = 100
UNREAD = col(Notification.read_at).is_(None)


def page_of_notifications(
    engine: Engine, user_id: UUID, *, unread: bool, page: tuple[Position[int] | None, int]
) -> Sequence[Notification]:
    """What a user was told in the app, the newest first: after a position, and so many."""
    after, limit = page
    found = select(Notification).where(Notification.user_id == user_id, Notification.in_app)
    if unread:
        found = found.where(UNREAD)
    if after is not None:
        found = found.where(col(Notification.id) < after.id)
    with reading(engine) as session:
        return session.exec(found.order_by(col(Notification.id).desc()).limit(limit)).all()


def count_unread(engine: Engine, user_id: UUID) -> int:
    """How many are unread, or MOST_COUNTED where there are more."""
    unread = select(Notification.id).where(Notification.user_id == user_id, Notification.in_app, UNREAD)
    with reading(engine) as session:
        return session.exec(select(func.count()).select_from(unread.limit(MOST_COUNTED).subquery())).one()


def newest(engine: Engine, user_id: UUID) -> int:
    """The number of what a user was told last; 0 for nothing."""
    of_user = select(func.max(Notification.id)).where(Notification.user_id == user_id, Notification.in_app)
    with reading(engine) as session:
        return session.exec(of_user).one() or 0


def told_since(engine: Engine, user_id: UUID, after: int) -> Sequence[Notification]:
    """The next of what a user was told after this number, in order."""
    later = select(Notification).where(
        Notification.user_id == user_id, Notification.in_app, col(Notification.id) > after
    )
    with reading(engine) as session:
        return session.exec(later.order_by(col(Notification.id)).limit(FOLLOWED_AT_ONCE)).all()


def mark_read(engine: Engine, user_id: UUID, number: int) -> Notification:
    """Mark one as read. Twice is as once. Raises Refusal: notification_not_found."""
    this = (col(Notification.id) == number, col(Notification.user_id) == user_id, col(Notification.in_app))
    read = update(Notification).where(*this).values(read_at=func.coalesce(Notification.read_at, func.now()))
    with transaction(engine) as session:
        found = session.scalars(read.returning(Notification)).one_or_none()
    if found is None:
        raise notification_not_found(number)
    return found


def mark_all_read(engine: Engine, user_id: UUID, up_to: int | None) -> int:
    """Mark all as read, or all up to this number. Returns how many were unread."""
    which = [col(Notification.user_id) == user_id, col(Notification.in_app), UNREAD]
    if up_to is not None:
        which.append(col(Notification.id) <= up_to)
    with transaction(engine) as session:
        hold(session, [user_id])
        read = update(Notification).where(*which).values(read_at=func.now())
        return session.exec(read.execution_options(synchronize_session=False)).rowcount


def hold(session: Session, user_ids: Sequence[UUID]) -> None:
    """Hold the settings of users: nobody else changes several of their notifications meanwhile."""
    held = select(NotificationSettings.user_id).where(col(NotificationSettings.user_id).in_(user_ids))
    session.exec(held.order_by(col(NotificationSettings.user_id)).with_for_update(key_share=True)).all()

"""An operator has no job start, or none of one user, until they resume: rows say so, and restarts change nothing."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, Uuid, bindparam, delete, or_
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col, select

from shared.database.prepared_rows import whole_rows
from shared.models import Pause

MOST_SHOWN = 1000
PAUSED = bindparam("paused_user", type_=Uuid)
PAUSE_OVER = whole_rows(
    "pause_over",
    Pause,
    or_(col(Pause.user_id).is_(None), col(Pause.user_id) == PAUSED),
    order=(col(Pause.user_id).nulls_first(),),
    most=1,
)


def pause(session: Session, user_id: UUID | None, *, reason: str | None, paused_by: str) -> Pause:
    """Start no job of this user, or of anybody. Asked again, it changes who wanted it and why, and not since when."""
    values = {"user_id": user_id, "reason": reason, "paused_by": paused_by}
    session.execute(insert(Pause).values(**values).on_conflict_do_nothing())
    found = session.exec(select(Pause).where(is_of(user_id)).with_for_update()).one()
    found.reason, found.paused_by = reason, paused_by
    return found


def resume(session: Session, user_id: UUID | None) -> None:
    session.execute(delete(Pause).where(is_of(user_id)))


def pause_over(session: Session, user_id: UUID | None) -> Pause | None:
    """What keeps the jobs of this user from starting, or those of anybody: the pause of everybody first."""
    return PAUSE_OVER.one_or_none(session, {PAUSED.key: user_id})


def all_pauses(session: Session) -> Sequence[Pause]:
    """Everybody's first, then those of users, of up to MOST_SHOWN."""
    return session.exec(select(Pause).order_by(col(Pause.user_id).is_not(None), col(Pause.id)).limit(MOST_SHOWN)).all()


def is_of(user_id: UUID | None) -> ColumnElement[bool]:
    return col(Pause.user_id).is_(None) if user_id is None else col(Pause.user_id) == user_id

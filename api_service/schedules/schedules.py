"""Schedules: made, found, changed and deleted. Another user's is as one that is not there."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Engine, func
from sqlalchemy.orm import defer
from sqlmodel import Session, col, select

from api_service.accounts.identity import Identity
from api_service.refusals.accounts import quota_exceeded
from api_service.refusals.assets import wrong_field
from api_service.refusals.schedules import schedule_not_found
from shared.database.clock import database_time
from shared.database.engine import reading, transaction
from shared.models import Schedule, User
from shared.schedules.timing import timing_of

MOST = 50  # schedules of one user
TOO_MANY = f"a user may have {MOST} schedules; delete one first"
DELETE_FIRST_S = 60
DECIDES_WHEN = ("cron", "time_zone", "paused")
WITHOUT_JOBS = tuple(defer(getattr(Schedule, name), raiseload=True) for name in ("asked", "template"))


def create_schedule(engine: Engine, identity: Identity, values: Mapping[str, Any]) -> Schedule:
    """Make a schedule. Raises Refusal: quota_exceeded."""
    with transaction(engine) as session:
        # Of two who come at once the second counts what the first has made.
        session.get_one(User, identity.user_id, with_for_update={"key_share": True})
        of_user = select(func.count()).where(col(Schedule.user_id) == identity.user_id)
        if session.exec(of_user).one() >= MOST:
            raise quota_exceeded("schedules", TOO_MANY, retry_after_s=DELETE_FIRST_S)
        schedule = Schedule(user_id=identity.user_id, key_id=identity.key_id, **values)
        schedule.next_at = next_run(session, schedule)
        session.add(schedule)
        session.flush()
        session.refresh(schedule)
    return schedule


def next_run(session: Session, schedule: Schedule) -> datetime | None:
    """The moment of its next run; None while it is paused. Raises Refusal: invalid_fields, for one that was made where
    its time zone was known."""
    if schedule.paused:
        return None
    try:
        timing = timing_of(schedule.cron, schedule.time_zone)
    except ValueError as error:
        raise wrong_field("time_zone", str(error)) from None
    return timing.next_after(database_time(session))


def list_schedules(engine: Engine, user_id: UUID) -> Sequence[Schedule]:
    """All that a user has, the oldest first and without their jobs: there are only a few, and a job may be large."""
    of_user = select(Schedule).where(Schedule.user_id == user_id).options(*WITHOUT_JOBS)
    with reading(engine) as session:
        return session.exec(of_user.order_by(col(Schedule.created_at), col(Schedule.id))).all()


def find_schedule(engine: Engine, schedule_id: UUID, owner: UUID | None) -> Schedule:
    """A schedule of that owner, or of anybody for an admin. Raises Refusal: schedule_not_found."""
    with reading(engine) as session:
        return schedule_with(session, schedule_id, owner)


def schedule_with(session: Session, schedule_id: UUID, owner: UUID | None, *, hold: bool = False) -> Schedule:
    """Raises Refusal: schedule_not_found. Held, it is neither changed nor run meanwhile."""
    schedule = session.get(Schedule, schedule_id, with_for_update={"key_share": True} if hold else None)
    if schedule is None or owner not in {None, schedule.user_id}:
        raise schedule_not_found(schedule_id)
    return schedule


def change_schedule(engine: Engine, identity: Identity, schedule_id: UUID, values: Mapping[str, Any]) -> Schedule:
    """Change a schedule. When it runs next is found anew only where that has changed: no run that is due is lost.

    Raises Refusal: schedule_not_found, invalid_fields.
    """
    with transaction(engine) as session:
        schedule = schedule_with(session, schedule_id, identity.owner, hold=True)
        is_moved = any(name in values and values[name] != getattr(schedule, name) for name in DECIDES_WHEN)
        key = {"key_id": identity.key_id} if schedule.user_id == identity.user_id else {}
        reason = {"paused_reason": None} if "paused" in values else {}
        schedule.sqlmodel_update({**values, **key, **reason, "updated_at": database_time(session)})
        if is_moved:
            schedule.next_at = next_run(session, schedule)
    return schedule


def delete_schedule(engine: Engine, schedule_id: UUID, owner: UUID | None) -> None:
    """Delete a schedule; its jobs stay. Raises Refusal: schedule_not_found."""
    with transaction(engine) as session:
        session.delete(schedule_with(session, schedule_id, owner, hold=True))

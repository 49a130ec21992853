"""Which clean-ups are due, and taking one: a row keeps two from doing the same, and says how far it has come."""

from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple

from sqlalchemy import text
from sqlmodel import Session

from shared.messaging.due_work import DueWork
from shared.messaging.messages import CleanUp as CleanUpMessage
from worker_service.cleanup.clean_ups import CLEAN_UPS
from worker_service.cleanup.portion import CleanUp, Removed

LEASE = timedelta(minutes=5)  # one portion takes seconds; of one that was killed, the rest waits for so long

DUE = text("""
SELECT count(*) FROM unnest(CAST(:names AS text[])) AS wanted (name)
WHERE NOT EXISTS (
    SELECT FROM clean_ups WHERE clean_ups.name = wanted.name AND greatest(due_at, claimed_until) > now()
)
""")
TAKE = text("""
INSERT INTO clean_ups AS mine (name, claimed_until, holder, began_at) VALUES (:name, now() + :lease, :holder, now())
ON CONFLICT (name) DO UPDATE SET claimed_until = excluded.claimed_until, holder = excluded.holder,
    began_at = CASE WHEN mine.place IS NULL THEN now() ELSE mine.began_at END,
    removed = CASE WHEN mine.place IS NULL THEN 0 ELSE mine.removed END,
    size_bytes = CASE WHEN mine.place IS NULL THEN 0 ELSE mine.size_bytes END
WHERE (mine.due_at <= now() OR :at_once) AND (mine.claimed_until IS NULL OR mine.claimed_until <= now())
RETURNING place
""")
NOTE = text("""
UPDATE clean_ups SET claimed_until = now() + :lease, place = :place,
    removed = removed + :removed, size_bytes = size_bytes + :size_bytes
WHERE name = :name AND holder = :holder
""")
LEAVE = text("""
UPDATE clean_ups SET claimed_until = NULL, holder = NULL, due_at = now() + CAST(:again_in AS interval), place = :place,
    ended_at = now(), problem = :problem
WHERE name = :name AND holder = :holder
""")


class Taken(NamedTuple):
    """A clean-up that this holder is at, and where it goes on."""

    clean_up: CleanUp
    holder: str
    place: str | None


def take(session: Session, clean_up: CleanUp, holder: str, *, at_once: bool = False) -> Taken | None:
    """Take a clean-up that is due, or `at_once`. None if it is not, or somebody else is at it."""
    values = {"name": clean_up.name, "holder": holder, "lease": LEASE, "at_once": at_once}
    row = session.connection().execute(TAKE, values).one_or_none()
    return None if row is None else Taken(clean_up, holder, row.place)


def note(session: Session, taken: Taken, place: str | None, removed: Removed) -> bool:
    """Note how far it has come, and hold it for longer. False if it was taken by somebody else meanwhile."""
    values = {"name": taken.clean_up.name, "holder": taken.holder, "lease": LEASE, "place": place}
    given = {**values, "removed": removed.number, "size_bytes": removed.size_bytes}
    return bool(session.connection().execute(NOTE, given).rowcount)


def leave(session: Session, taken: Taken, *, again_in: timedelta, place: str | None, problem: str | None) -> None:
    values = {"name": taken.clean_up.name, "holder": taken.holder, "again_in": again_in}
    session.connection().execute(LEAVE, {**values, "place": place, "problem": problem})


def due_clean_ups() -> DueWork:
    return DueWork(CleanUpMessage.queue, lambda _: CleanUpMessage(), due)


def due(session: Session, limit: int) -> Sequence[int]:
    """A number for each that is due: which it is, whoever wakes up finds out."""
    names = [clean_up.name for clean_up in CLEAN_UPS]
    return range(min(limit, session.connection().scalar(DUE, {"names": names}) or 0))

"""Where the files of a job are, and the notes that name folders whose files nobody needs.

A note is a row of `discarded_folders`. It is written in the transaction that deletes a job's row, so there is never a
file with neither a row nor a note. It goes only once nobody can be writing into its folder: a worker that was
given up for dead may still store files there.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from sqlalchemy import ColumnElement, func, text, tuple_
from sqlmodel import Session, col, select

from shared.models import DiscardedFolder, GenerationJob

# The hard limit ends a worker's job after half an hour, whatever it waits for.
WRITERS_GONE = timedelta(hours=1)
# Files that are put where a note is have their rows by then: long before anybody removes what is there.
ARRIVES_WITHIN = WRITERS_GONE / 2
NOTE = text("""
INSERT INTO discarded_folders (folder) SELECT unnest(CAST(:folders AS text[])) ON CONFLICT DO NOTHING
""")
FORGET = text("DELETE FROM discarded_folders WHERE folder = ANY(:folders)")
TAKE_BACK = text("DELETE FROM discarded_folders WHERE folder = ANY(:folders) AND created_at > now() - :within")


class Filed(Protocol):
    """What says where the files of a job are."""

    @property
    def id(self) -> int: ...
    @property
    def user_id(self) -> UUID: ...
    @property
    def created_at(self) -> datetime: ...


def job_folder(job: Filed) -> str:
    """The folder of a job's files: `{user}/{yyyy}/{mm}/{dd}/{job}`, by the day (UTC) it was accepted."""
    day = job.created_at
    # By hand: thousands are made at once, and `strftime` takes longer than all the rest.
    return f"{job.user_id}/{day.year:04}/{day.month:02}/{day.day:02}/{job.id}"


def attempt_folder(job: Filed, attempt: int) -> str:
    """A folder for each attempt, so that a worker given up for dead overwrites nothing."""
    return f"{job_folder(job)}/{attempt}"


def discard_attempt_folder(session: Session, job: GenerationJob, attempt: int) -> None:
    """Note what a lost attempt may have stored. Its worker may be stopped rather than dead, and store more, so its
    folder is not removed now."""
    note(session, attempt_folder(job, attempt))


def note(session: Session, *folders: str) -> None:
    if folders:
        session.connection().execute(NOTE, {"folders": in_order(folders)})


def in_order(folders: Iterable[str]) -> list[str]:
    """Folders for NOTE: who write some of the same at once do not wait for each other."""
    return sorted(folders)


def discarded_folders(session: Session, limit: int, after: DiscardedFolder | None = None) -> Sequence[DiscardedFolder]:
    """Notes that are old enough that nobody can be writing there, the oldest first, after one of them."""
    noted = (col(DiscardedFolder.created_at), col(DiscardedFolder.folder))
    wanted: list[ColumnElement[bool]] = [noted[0] <= func.now() - WRITERS_GONE]
    if after is not None:
        wanted.append(tuple_(*noted) > (after.created_at, after.folder))
    return session.exec(select(DiscardedFolder).where(*wanted).order_by(*noted).limit(limit)).all()


def forget_notes(session: Session, folders: Sequence[str]) -> None:
    """These folders are empty: nobody needs their notes."""
    session.connection().execute(FORGET, {"folders": list(folders)})


def take_back_notes(session: Session, folders: Sequence[str]) -> bool:
    """Rows name the files in these folders from now on. False if any of them was noted so long ago that its files may
    be gone: then the transaction must not go on."""
    given = {"folders": list(folders), "within": ARRIVES_WITHIN}
    return session.connection().execute(TAKE_BACK, given).rowcount == len(folders)

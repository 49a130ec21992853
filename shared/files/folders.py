"""Where the files of a job are, and the notes that name folders whose files nobody needs.

A note is a row of `discarded_folders`. It is written in the transaction that deletes a job's row, so there is never a
file with neither a row nor a note. It goes only once nobody can be writing into its folder: a worker that was
given up for dead may still store files there.
"""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import delete, func
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col, select

from shared.models import DiscardedFolder, GenerationJob

# The hard limit ends a worker's job after half an hour, whatever it waits for.
WRITERS_GONE = timedelta(hours=1)


def job_folder(job: GenerationJob) -> str:
    """The folder of a job's files: `{user}/{yyyy}/{mm}/{dd}/{job}`, by the day (UTC) it was accepted."""
    return f"{job.user_id}/{job.created_at:%Y/%m/%d}/{job.id}"


def attempt_folder(job: GenerationJob, attempt: int) -> str:
    """A folder for each attempt, so that a worker given up for dead overwrites nothing."""
    return f"{job_folder(job)}/{attempt}"


def discard_job_folder(session: Session, job: GenerationJob) -> None:
    """Note that the files of this job are to be removed."""
    note(session, job_folder(job))


def discard_attempt_folder(session: Session, job: GenerationJob, attempt: int) -> None:
    """Note what a lost attempt may have stored. Its worker may be stopped rather than dead, and store more, so its
    folder is not removed now."""
    note(session, attempt_folder(job, attempt))


def note(session: Session, folder: str) -> None:
    session.execute(insert(DiscardedFolder).values(folder=folder).on_conflict_do_nothing())


def note_all(session: Session, folders: Sequence[str]) -> None:
    """Note several folders in one statement."""
    if folders:
        rows = [{"folder": folder} for folder in folders]
        session.execute(insert(DiscardedFolder).values(rows).on_conflict_do_nothing())


def discarded_folders(session: Session, limit: int) -> Sequence[str]:
    """Folders noted long enough ago that nobody can be writing there, the oldest notes first."""
    long_ago = col(DiscardedFolder.created_at) <= func.now() - WRITERS_GONE
    oldest = select(DiscardedFolder.folder).where(long_ago).order_by(col(DiscardedFolder.created_at))
    return session.exec(oldest.limit(limit)).all()


def forget_notes(session: Session, folders: Sequence[str]) -> None:
    """These folders are empty: nobody needs their notes."""
    session.exec(delete(DiscardedFolder).where(col(DiscardedFolder.folder).in_(folders)))

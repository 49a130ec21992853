"""A job that has ended is deleted with all its rows; a note keeps its folder until no file can be there any more.

The note is written in the transaction that deletes the row, so at no time is there a file with neither. The files are
removed at once, and again after a while, and only then the note: a worker that was given up for dead may have written
into the folder meanwhile, and a process may have ended between the row and the files.
"""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import delete, func, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col, select

from shared.files.store import job_folder
from shared.models import FINAL, DiscardedFolder, GenerationJob, JobOutput, User

# The hard limit ends a worker's job after half an hour, whatever it waits for.
WRITERS_GONE = timedelta(hours=1)


def delete_job(session: Session, job_id: int, owner: UUID | None) -> GenerationJob | None:
    """Delete a job of that owner (None: anybody's), if it has ended. Its folder, which is noted, is `folder_of(job)`.

    Returns the job as it was, unchanged if it has not ended; None if there is none.
    """
    job = session.get(GenerationJob, job_id, with_for_update=True)
    if job is None or owner not in {None, job.user_id}:
        return None
    if job.status in FINAL:
        size = select(func.coalesce(func.sum(JobOutput.size_bytes), 0)).where(JobOutput.job_id == job_id)
        freed = int(session.exec(size).one())
        session.execute(insert(DiscardedFolder).values(folder=folder_of(job)).on_conflict_do_nothing())
        session.exec(delete(GenerationJob).where(col(GenerationJob.id) == job_id))
        if freed:
            stored_bytes = func.greatest(0, User.stored_bytes - freed)
            session.exec(update(User).where(col(User.id) == job.user_id).values(stored_bytes=stored_bytes))
        session.expunge(job)
    return job


def folder_of(job: GenerationJob) -> str:
    return job_folder(job.user_id, job.created_at, job.id)


def forsaken_folders(session: Session, limit: int) -> Sequence[str]:
    """Folders noted so long ago that nobody can be writing there any more, the oldest notes first."""
    long_ago = col(DiscardedFolder.created_at) <= func.now() - WRITERS_GONE
    oldest = select(DiscardedFolder.folder).where(long_ago).order_by(col(DiscardedFolder.created_at))
    return session.exec(oldest.limit(limit)).all()


def forget(session: Session, folders: Sequence[str]) -> None:
    """These folders are empty: their notes are not needed any more."""
    session.exec(delete(DiscardedFolder).where(col(DiscardedFolder.folder).in_(folders)))

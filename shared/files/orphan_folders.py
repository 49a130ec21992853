"""What a lost attempt may have stored is noted, so that no file is without a row and without a note."""

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session

from shared.files.store import job_folder
from shared.models import DiscardedFolder, GenerationJob


def attempt_folder(job: GenerationJob, attempt: int) -> str:
    """A folder for each attempt, so that a worker given up for dead overwrites nothing."""
    return f"{job_folder(job.user_id, job.created_at, job.id)}/{attempt}"


def note_leftovers(session: Session, job: GenerationJob, attempt: int) -> None:
    """The worker of this attempt ended without a word, or will: nobody else removes what it has stored so far.

    It may be stopped rather than dead, and store more, so its folder is not removed now.
    """
    folder = insert(DiscardedFolder).values(folder=attempt_folder(job, attempt))
    session.execute(folder.on_conflict_do_nothing())

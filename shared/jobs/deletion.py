"""A job that has ended is deleted with all its rows; a note names its folder until its files are gone."""

from uuid import UUID

from sqlalchemy import delete, func, update
from sqlmodel import Session, col, select

from shared.files.folders import discard_job_folder
from shared.models import FINAL, GenerationJob, JobOutput, User


def delete_job(session: Session, job_id: int, owner: UUID | None) -> GenerationJob | None:
    """Delete a job of that owner (None: anybody's), if it has ended. Its folder is noted to be removed.

    Returns the job as it was, unchanged if it has not ended; None if there is none.
    """
    job = session.get(GenerationJob, job_id, with_for_update=True)
    if job is None or owner not in {None, job.user_id}:
        return None
    if job.status in FINAL:
        size = select(func.coalesce(func.sum(JobOutput.size_bytes), 0)).where(JobOutput.job_id == job_id)
        freed = int(session.exec(size).one())
        discard_job_folder(session, job)
        # The user before what goes with the job: who deletes an asset takes them in this order, too.
        if freed:
            stored_bytes = func.greatest(0, User.stored_bytes - freed)
            session.exec(update(User).where(col(User.id) == job.user_id).values(stored_bytes=stored_bytes))
        session.exec(delete(GenerationJob).where(col(GenerationJob.id) == job_id))
        session.expunge(job)
    return job

"""A job that has ended is deleted with all its rows; a note names its folder until its files are gone."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import delete, func, update
from sqlalchemy.orm import load_only
from sqlmodel import Session, col, select

from shared.files.folders import discard_job_folder, job_folder, note_all
from shared.jobs.transitions import is_one_of
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


def delete_many(session: Session, job_ids: Sequence[int]) -> Sequence[GenerationJob]:
    """Delete those of these jobs that have ended, whoever owns them. Returns them as they were; their folders are noted
    to be removed."""
    ids = col(GenerationJob.id)
    ended = select(GenerationJob).where(is_one_of(job_ids), col(GenerationJob.status).in_(sorted(FINAL)))
    shown = load_only(*(getattr(GenerationJob, name) for name in ("id", "user_id", "created_at", "status")))
    # Locked in one order, as by all who lock many.
    jobs = session.exec(ended.options(shown).order_by(ids).with_for_update()).all()
    found = [job.id for job in jobs]
    sizes = (
        select(GenerationJob.user_id, func.sum(JobOutput.size_bytes))
        .join(JobOutput, col(JobOutput.job_id) == ids)
        .where(is_one_of(found))
        .group_by(col(GenerationJob.user_id))
        .order_by(col(GenerationJob.user_id))
    )
    for user_id, freed in session.exec(sizes).all():
        stored_bytes = func.greatest(0, User.stored_bytes - int(freed))
        session.exec(update(User).where(col(User.id) == user_id).values(stored_bytes=stored_bytes))
    note_all(session, [job_folder(job) for job in jobs])
    for job in jobs:
        session.expunge(job)
    session.exec(delete(GenerationJob).where(is_one_of(found)).execution_options(synchronize_session=False))
    return jobs

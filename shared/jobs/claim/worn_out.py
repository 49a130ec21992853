"""A job that no worker brought to an end, and that none may claim any more, is ended in the plainest words."""

from collections.abc import Sequence

from sqlmodel import Session, col, select

from shared.files.folders import discard_attempt_folder
from shared.jobs import lifecycle
from shared.jobs.attempts import Lease
from shared.jobs.claim.conditions import WORN_OUT
from shared.jobs.errors import WornOut
from shared.models import GenerationJob, JobStatus


def worn_out(session: Session, limit: int) -> Sequence[int]:
    """Jobs that have no claim left, and whose last lease ran out."""
    return session.exec(select(GenerationJob.id).where(*WORN_OUT).limit(limit)).all()


def end_worn_out(session: Session, job_id: int) -> GenerationJob | None:
    """End such a job: failed, or cancelled where its owner wanted that. None if it is no such job any more."""
    job = session.exec(
        select(GenerationJob).where(col(GenerationJob.id) == job_id, *WORN_OUT).with_for_update(skip_locked=True)
    ).one_or_none()
    if job is None:
        return None
    lease = Lease(job.id, job.attempt)
    discard_attempt_folder(session, job, job.attempt)
    if job.status is JobStatus.CANCELLING:
        return lifecycle.confirm_cancel(session, lease)
    return lifecycle.fail(session, lease, WornOut(job.attempt))

"""Many jobs are cancelled as one is, in as many statements as for one."""

from collections.abc import Sequence

from sqlalchemy import ARRAY, Integer, any_, cast, func
from sqlmodel import Session, col, select

from shared.jobs.statistics import count_ended
from shared.jobs.transitions import moving
from shared.messaging.after_commit import stage
from shared.models import EventType, GenerationJob, JobEvent


def cancel_all(session: Session, job_ids: Sequence[int]) -> Sequence[GenerationJob]:
    """Cancel these jobs, each as `lifecycle.cancel` would. Returns those that this changed."""
    these = any_(cast(list(job_ids), ARRAY(Integer)))
    # All of them are locked first, in one order: so that two who cancel never wait for each other.
    ids = col(GenerationJob.id)
    session.exec(select(ids).where(ids == these).order_by(ids).with_for_update()).all()
    nowhere = col(GenerationJob.server).is_(None)
    dropped = session.scalars(moving("drop", these, nowhere, completed_at=func.now())).all()
    lease_expires_at = func.coalesce(GenerationJob.lease_expires_at, func.now())
    withdrawn = session.scalars(moving("cancel", these, lease_expires_at=lease_expires_at)).all()
    for jobs, kind in ((dropped, EventType.CANCELLED), (withdrawn, EventType.CANCELLING)):
        for job in jobs:
            row = JobEvent(job_id=job.id, sequence=job.events, type=kind, attempt=job.attempt)
            stage(session, row, user_id=job.user_id)
    count_ended(session, *dropped)
    return [*dropped, *withdrawn]

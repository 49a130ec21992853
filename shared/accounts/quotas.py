"""How much of what is limited a user has: jobs by their status, whoever counts them."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import func
from sqlmodel import Session, col, select

from shared.models import WAITING, GenerationJob, JobStatus


def queued_jobs(session: Session, user_id: UUID, count_to: int | None = None) -> int:
    """How many jobs of the user wait, counted no further than is asked."""
    return count_jobs(session, user_id, WAITING, count_to)


def count_jobs(session: Session, user_id: UUID, statuses: Collection[JobStatus], count_to: int | None = None) -> int:
    """How many jobs of the user have one of these statuses, counted no further than is asked."""
    found = select(GenerationJob.id).where(GenerationJob.user_id == user_id, col(GenerationJob.status).in_(statuses))
    return session.exec(select(func.count()).select_from(found.limit(count_to).subquery())).one()

"""How much of what is limited a user has: jobs that wait, whoever counts them."""

from uuid import UUID

from sqlalchemy import func
from sqlmodel import Session, col, select

from shared.models import WAITING, GenerationJob


def queued_jobs(session: Session, user_id: UUID, count_to: int | None = None) -> int:
    """How many jobs of the user wait, counted no further than is asked."""
    waiting = select(GenerationJob.id).where(GenerationJob.user_id == user_id, col(GenerationJob.status).in_(WAITING))
    return session.exec(select(func.count()).select_from(waiting.limit(count_to).subquery())).one()

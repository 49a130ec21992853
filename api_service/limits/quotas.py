"""What a user has, as the rows say it: jobs that wait and bytes that are stored, whichever key they came by."""

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy import func
from sqlmodel import Session, col, select

from api_service.limits.effective_limits import Limit
from api_service.refusals.accounts import quota_exceeded
from shared.models import WAITING, GenerationJob, User

QUEUED_AGAIN_S = 10  # places become free as jobs start
STORED_AGAIN_S = 60  # bytes become free as somebody deletes jobs


def queued_jobs(session: Session, user_id: UUID, count_to: int | None = None) -> int:
    """How many jobs of the user wait, counted no further than is asked."""
    waiting = select(GenerationJob.id).where(GenerationJob.user_id == user_id, col(GenerationJob.status).in_(WAITING))
    return session.exec(select(func.count()).select_from(waiting.limit(count_to).subquery())).one()


def check(session: Session, user_id: UUID, most: Mapping[Limit, int | None], jobs: int) -> None:
    """Raises Refusal: quota_exceeded, if this many more jobs would be too many waiting, or too much is stored.

    Those who submit at the same moment do not see each other, and may pass the limit by what they submit then.
    """
    queued = most[Limit.QUEUED_JOBS]
    if queued is not None and queued_jobs(session, user_id, queued + 1) + jobs > queued:
        raise quota_exceeded(
            Limit.QUEUED_JOBS, f"no more than {queued} jobs of one user may wait", retry_after_s=QUEUED_AGAIN_S
        )
    stored = most[Limit.STORED_BYTES]
    if stored is not None and session.get_one(User, user_id).stored_bytes >= stored:
        raise quota_exceeded(
            Limit.STORED_BYTES,
            f"the user's outputs have reached {stored} bytes; delete jobs first",
            retry_after_s=STORED_AGAIN_S,
        )

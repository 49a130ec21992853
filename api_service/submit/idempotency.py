"""The same request, sent again under its idempotency key, is answered with the jobs it made the first time.

A key belongs to one user. It is kept with the job that it made (of a batch, the first), as long as that job exists. A
unique index decides between requests that come at the same time.
"""

from collections.abc import Sequence
from uuid import UUID

from sqlmodel import Session, col, select

from api_service.accounts.idempotency_key import IdempotencyKey
from api_service.refusals.jobs import idempotency_key_reused
from shared.models import GenerationJob


def made_before(session: Session, owner: UUID, sent: IdempotencyKey) -> Sequence[GenerationJob]:
    """The jobs that were made under the key; none if it is new. Raises Refusal: idempotency_key_reused."""
    of_key = (col(GenerationJob.user_id) == owner, col(GenerationJob.idempotency_key) == sent.key)
    first = session.exec(select(GenerationJob).where(*of_key)).one_or_none()
    if first is None:
        return ()
    if first.request_digest != sent.digest:
        raise idempotency_key_reused(sent.key, first.id)
    if first.batch_id is None:
        return (first,)
    batch = select(GenerationJob).where(GenerationJob.batch_id == first.batch_id).order_by(col(GenerationJob.id))
    return session.exec(batch).all()

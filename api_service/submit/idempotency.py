"""The same request, sent again under its Idempotency-Key, is answered with the jobs it made the first time.

A key is one user's, and is kept with the job that it made (of a batch, the first): it is known for as long as that
job is. A unique index decides between requests that come at once.
"""

import hashlib
import json
import re
from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from api_service.http.request_refusals import invalid_header
from api_service.refusals.jobs import idempotency_key_reused
from api_service.services import JobsRequest
from shared.models import GenerationJob

HEADER = "Idempotency-Key"
ACCEPTABLE = re.compile(r"[\x21-\x7e]{1,255}")
INDEX = "ix_generation_jobs_idempotency"


class Once(NamedTuple):
    """A key, and the digest of the request that came with it."""

    key: str
    digest: str


def read_once(request: JobsRequest, body: BaseModel) -> Once | None:
    """The request's key, if it has one, with what was parsed of its body. Raises Refusal 400."""
    given = request.headers.getlist(HEADER)
    if not given:
        return None
    if len(given) > 1 or not ACCEPTABLE.fullmatch(given[0]):
        raise invalid_header(f"{HEADER} must be sent once, as 1 to 255 visible ASCII characters")
    # Without defaults, so that a field which comes with a later release makes no other request of this one.
    return Once(given[0], digest(request.url.path, body.model_dump(mode="json", exclude_defaults=True)))


def digest(path: str, body: Any) -> str:
    """What is the same for requests that ask for the same, however their JSON is written."""
    asked = json.dumps([path, body], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(asked.encode()).hexdigest()


def made_before(session: Session, user_id: UUID, once: Once) -> Sequence[GenerationJob]:
    """The jobs that were made under the key; none if it is new. Raises Refusal 422 if it came with another request."""
    mine = (col(GenerationJob.user_id) == user_id, col(GenerationJob.idempotency_key) == once.key)
    first = session.exec(select(GenerationJob).where(*mine)).one_or_none()
    if first is None:
        return ()
    if first.request_digest != once.digest:
        raise idempotency_key_reused(once.key, first.id)
    if first.batch_id is None:
        return (first,)
    batch = select(GenerationJob).where(GenerationJob.batch_id == first.batch_id).order_by(col(GenerationJob.id))
    return session.exec(batch).all()


def was_made_meanwhile(error: IntegrityError) -> bool:
    """Whether it is the key that was recorded by another request a moment ago."""
    return getattr(getattr(error.orig, "diag", None), "constraint_name", None) == INDEX

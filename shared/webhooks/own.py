"""Where single jobs are told of: each names a URL, and the endpoint `of_jobs` of their user holds what is owed."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID, uuid4

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session

from shared.models import JobWebhook, WebhookEndpoint
from shared.webhooks.signing import drawn_secret


class OwnWebhook(NamedTuple):
    """Where a job wants its end to be told, and its own secret, if it has one."""

    url: str
    secret: bytes | None = None

    def __repr__(self) -> str:
        return f"OwnWebhook({self.url!r})"  # no traceback shows the secret


def record_webhooks(session: Session, user_id: UUID, named: Sequence[tuple[int, OwnWebhook | None]]) -> None:
    """Note with each job where its end is to be told. With the first of a user comes what signs."""
    rows = [{"job_id": job_id, "url": one.url, "secret": one.secret} for job_id, one in named if one]
    if rows:
        make_endpoint(session, user_id)
        session.connection().execute(insert(JobWebhook), rows)


def make_endpoint(session: Session, user_id: UUID) -> bool:
    """Make the endpoint of a user's jobs, unless it is there. Returns whether it was made."""
    values = {"id": uuid4(), "user_id": user_id, "url": "", "of_jobs": True, "secret": drawn_secret()}
    made = session.connection().execute(insert(WebhookEndpoint).values(values).on_conflict_do_nothing())
    return made.rowcount > 0

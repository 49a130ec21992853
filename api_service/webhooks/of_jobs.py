"""Where single jobs are told of: each names a URL, and the endpoint `of_jobs` of their user holds what is owed."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID, uuid4

from sqlalchemy import Engine
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, select

from api_service.webhooks.endpoints import renew_secret
from shared.database.engine import reading, transaction
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


def draw_secret(engine: Engine, user_id: UUID) -> WebhookEndpoint:
    """Draw the secret that signs for the jobs of a user. One that was there before signs too, for a day."""
    with transaction(engine) as session:
        is_new = make_endpoint(session, user_id)
        of_jobs = select(WebhookEndpoint).where(WebhookEndpoint.user_id == user_id, WebhookEndpoint.of_jobs)
        endpoint = session.exec(of_jobs.with_for_update(key_share=True)).one()
        if not is_new:
            renew_secret(session, endpoint)
    return endpoint


def own_webhook(engine: Engine, job_id: int) -> OwnWebhook | None:
    """Where a job wants its end to be told."""
    with reading(engine) as session:
        found = session.get(JobWebhook, job_id)
        return OwnWebhook(found.url, found.secret) if found else None

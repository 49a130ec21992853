"""Where a single job is told of, and the secret that signs for the jobs of a user."""

from uuid import UUID

from sqlalchemy import Engine
from sqlmodel import select

from api_service.webhooks.endpoints import renew_secret
from shared.database.engine import reading, transaction
from shared.models import JobWebhook, WebhookEndpoint
from shared.webhooks.own import OwnWebhook, make_endpoint


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

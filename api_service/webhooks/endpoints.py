"""Endpoints of webhooks: made, found, changed and deleted. Another user's is as one that is not there."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Engine, func
from sqlmodel import Session, col, select

from api_service.refusals.accounts import quota_exceeded
from api_service.refusals.jobs import invalid_fields
from api_service.refusals.refusal import FieldError
from api_service.refusals.webhooks import webhook_not_found
from shared.database.clock import database_time
from shared.database.engine import reading, transaction
from shared.models import User, WebhookEndpoint
from shared.webhooks.signing import drawn_secret

MOST = 20  # endpoints of one user
OLD_SECRET_SIGNS_FOR = timedelta(hours=24)
TOO_MANY = f"a user may have {MOST} webhooks; delete one first"
DELETE_FIRST_S = 60
# By their columns, as clients call them.
SAID_BY_JOBS = {"url": "url", "event_types": "event_types", "metadata_filter": "metadata"}
OF_JOBS = "is not for this webhook: each job names its own URL, and is told of its end"


def create_endpoint(engine: Engine, user_id: UUID, values: Mapping[str, Any]) -> WebhookEndpoint:
    """Make an endpoint. Raises Refusal: quota_exceeded."""
    with transaction(engine) as session:
        # Of two who come at once the second counts what the first has made.
        session.get_one(User, user_id, with_for_update={"key_share": True})
        of_user = select(func.count()).where(
            col(WebhookEndpoint.user_id) == user_id, col(WebhookEndpoint.of_jobs).is_(False)
        )
        if session.exec(of_user).one() >= MOST:
            raise quota_exceeded("webhooks", TOO_MANY, retry_after_s=DELETE_FIRST_S)
        endpoint = WebhookEndpoint(user_id=user_id, secret=drawn_secret(), **values)
        session.add(endpoint)
        session.flush()
        session.refresh(endpoint)
    return endpoint


def list_endpoints(engine: Engine, user_id: UUID) -> Sequence[WebhookEndpoint]:
    """All that a user has, the oldest first: there are only a few."""
    of_user = select(WebhookEndpoint).where(WebhookEndpoint.user_id == user_id)
    with reading(engine) as session:
        return session.exec(of_user.order_by(col(WebhookEndpoint.created_at), col(WebhookEndpoint.id))).all()


def find_endpoint(engine: Engine, endpoint_id: UUID, owner: UUID | None) -> WebhookEndpoint:
    """An endpoint of that owner, or of anybody for an admin. Raises Refusal: webhook_not_found."""
    with reading(engine) as session:
        return endpoint_with(session, endpoint_id, owner)


def endpoint_with(session: Session, endpoint_id: UUID, owner: UUID | None, *, hold: bool = False) -> WebhookEndpoint:
    """Raises Refusal: webhook_not_found. Held, it is not changed meanwhile, and jobs may end."""
    endpoint = session.get(WebhookEndpoint, endpoint_id, with_for_update={"key_share": True} if hold else None)
    if endpoint is None or owner not in {None, endpoint.user_id}:
        raise webhook_not_found(endpoint_id)
    return endpoint


def change_endpoint(
    engine: Engine, endpoint_id: UUID, owner: UUID | None, values: Mapping[str, Any]
) -> WebhookEndpoint:
    """Change an endpoint. One that is enabled again begins with no failures. Raises Refusal: webhook_not_found,
    invalid_fields."""
    afresh = {"disabled_reason": None, "failures": 0, "failing_since": None} if "enabled" in values else {}
    afresh |= {"rests_until": None}  # there may be another receiver now
    with transaction(engine) as session:
        endpoint = endpoint_with(session, endpoint_id, owner, hold=True)
        if endpoint.of_jobs and (said := values.keys() & SAID_BY_JOBS):
            raise invalid_fields(
                [FieldError(field=SAID_BY_JOBS[name], message=OF_JOBS, code="of_jobs") for name in sorted(said)]
            )
        endpoint.sqlmodel_update({**values, **afresh})
    return endpoint


def replace_secret(engine: Engine, endpoint_id: UUID, owner: UUID | None) -> WebhookEndpoint:
    """Draw another secret; the one before it signs too, for a day. Raises Refusal: webhook_not_found."""
    with transaction(engine) as session:
        endpoint = endpoint_with(session, endpoint_id, owner, hold=True)
        renew_secret(session, endpoint)
    return endpoint


def renew_secret(session: Session, endpoint: WebhookEndpoint) -> None:
    endpoint.previous_secret, endpoint.secret = endpoint.secret, drawn_secret()
    endpoint.previous_until = database_time(session) + OLD_SECRET_SIGNS_FOR


def delete_endpoint(engine: Engine, endpoint_id: UUID, owner: UUID | None) -> None:
    """Delete an endpoint, with what it is still owed. Raises Refusal: webhook_not_found."""
    with transaction(engine) as session:
        session.delete(endpoint_with(session, endpoint_id, owner, hold=True))

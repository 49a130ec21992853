"""What endpoints were told and are owed: listed, and owed once more where their owner asks for it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Engine, func, tuple_, update
from sqlmodel import Session, col, select

from api_service.jobs.cursors import Cursors
from api_service.refusals.jobs import invalid_fields
from api_service.refusals.refusal import FieldError
from api_service.refusals.webhooks import delivery_not_found
from api_service.webhooks.endpoints import OF_JOBS, endpoint_with
from shared.database.clock import database_time
from shared.database.engine import reading, transaction
from shared.jobs.listing.page_range import Position
from shared.models import DeliveryState, WebhookDelivery, WebhookEndpoint
from shared.webhooks.payload import TEST, body_of

DELIVERY_CURSORS = Cursors[UUID]("16s", lambda delivery_id: delivery_id.bytes, lambda packed: UUID(bytes=packed))
# As if it had not been tried.
ONCE_MORE: dict[str, Any] = {"state": DeliveryState.PENDING, "tries": 0, "claimed_until": None, "due_at": func.now()}


def page_of_deliveries(
    engine: Engine,
    endpoint_id: UUID,
    owner: UUID | None,
    state: DeliveryState | None,
    page: tuple[Position[UUID] | None, int],
) -> Sequence[WebhookDelivery]:
    """Deliveries of an endpoint, the newest first: after a position, and so many. Raises Refusal: webhook_not_found."""
    after, limit = page
    age = tuple_(col(WebhookDelivery.created_at), col(WebhookDelivery.id))
    found = select(WebhookDelivery).where(WebhookDelivery.endpoint_id == endpoint_id)
    if state is not None:
        found = found.where(WebhookDelivery.state == state)
    if after is not None:
        found = found.where(age < tuple_(*after))
    newest_first = (col(WebhookDelivery.created_at).desc(), col(WebhookDelivery.id).desc())
    with reading(engine) as session:
        endpoint_with(session, endpoint_id, owner)
        return session.exec(found.order_by(*newest_first).limit(limit)).all()


def owe_test(engine: Engine, endpoint_id: UUID, owner: UUID | None) -> WebhookDelivery:
    """Owe an endpoint a `webhook.test`, whatever events it wants. Raises Refusal: webhook_not_found,
    invalid_fields."""
    with transaction(engine) as session:
        endpoint = endpoint_with(session, endpoint_id, owner)
        if endpoint.of_jobs:
            raise invalid_fields([FieldError(field="url", message=OF_JOBS, code="of_jobs")])
        awake(session, endpoint)
        now = database_time(session)
        data = {"endpoint_id": endpoint.id, "message": "this is a test; no job has ended"}
        delivery = WebhookDelivery(endpoint_id=endpoint.id, type=TEST, body=body_of(TEST, now, data))
        session.add(delivery)
        session.flush()
        session.refresh(delivery)
    return delivery


def owe_again(engine: Engine, endpoint_id: UUID, delivery_id: UUID, owner: UUID | None) -> WebhookDelivery:
    """Owe a delivery once more, under the same id. Raises Refusal: webhook_not_found, delivery_not_found."""
    this = (col(WebhookDelivery.id) == delivery_id, col(WebhookDelivery.endpoint_id) == endpoint_id)
    statement = update(WebhookDelivery).where(*this).values(**ONCE_MORE).returning(WebhookDelivery)
    with transaction(engine) as session:
        awake(session, endpoint_with(session, endpoint_id, owner))
        delivery = session.scalars(statement.execution_options(populate_existing=True)).one_or_none()
    if delivery is None:
        raise delivery_not_found(delivery_id)
    return delivery


def owe_failed_again(engine: Engine, endpoint_id: UUID, owner: UUID | None, since: datetime) -> int:
    """Owe all once more that were given up, of events since that moment. Returns how many.

    Raises Refusal: webhook_not_found.
    """
    failed = (
        col(WebhookDelivery.endpoint_id) == endpoint_id,
        col(WebhookDelivery.state) == DeliveryState.FAILED,
        col(WebhookDelivery.created_at) >= since,
    )
    with transaction(engine) as session:
        awake(session, endpoint_with(session, endpoint_id, owner))
        statement = update(WebhookDelivery).where(*failed).values(**ONCE_MORE)
        return session.exec(statement.execution_options(synchronize_session=False)).rowcount


def awake(session: Session, endpoint: WebhookEndpoint) -> None:
    """End a pause that its receiver asked for: its owner asks for something to be sent now."""
    if endpoint.rests_until is not None:
        endpoint.rests_until = None
        session.flush()  # the endpoint is held before its deliveries

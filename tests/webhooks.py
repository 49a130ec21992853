"""Endpoints for tests, and what a receiver makes of what it is told, with the reference library."""

import json
from typing import Any
from uuid import UUID

from sqlalchemy import func, update
from sqlmodel import col, select
from standardwebhooks import Webhook

from shared.configuration.settings import Settings, load_settings
from shared.messaging.messenger import Messenger
from shared.models import WebhookDelivery, WebhookEndpoint
from shared.webhooks.payload import WebhookEvent
from shared.webhooks.signing import as_shown, drawn_secret
from tests.jobs import USER
from tests.raw_server import answer

TAKEN = answer(b"thanks")


def endpoint(messenger: Messenger, url: str, **values: Any) -> WebhookEndpoint:
    """An endpoint of USER that wants to hear of every end."""
    facts: dict[str, Any] = {"user_id": USER, "event_types": list(WebhookEvent), "secret": drawn_secret()}
    with messenger.transaction() as session:
        made = WebhookEndpoint(url=url, **(facts | values))
        session.add(made)
    return made


def endpoint_row(messenger: Messenger, endpoint_id: UUID) -> WebhookEndpoint:
    with messenger.transaction() as session:
        return session.get_one(WebhookEndpoint, endpoint_id)


def deliveries(messenger: Messenger) -> list[WebhookDelivery]:
    with messenger.transaction() as session:
        return list(session.exec(select(WebhookDelivery).order_by(col(WebhookDelivery.created_at))))


def only(messenger: Messenger) -> WebhookDelivery:
    (found,) = deliveries(messenger)
    return found


def make_due(messenger: Messenger) -> None:
    with messenger.transaction() as session:
        session.exec(update(WebhookDelivery).values(due_at=func.now()))
        session.exec(update(WebhookEndpoint).values(rests_until=None))


def taken_apart(request: bytes) -> tuple[dict[str, str], bytes]:
    """The headers of a request, in lower case, and its body."""
    head, _, body = request.partition(b"\r\n\r\n")
    pairs = (line.split(": ", 1) for line in head.decode().splitlines()[1:])
    return {name.lower(): value for name, value in pairs}, body


def verified(request: bytes, secret: bytes) -> Any:
    """What a receiver makes of a request. Raises WebhookVerificationError."""
    headers, body = taken_apart(request)
    Webhook(as_shown(secret)).verify(body, headers)
    return json.loads(body)


def settings_with_secret(environ: dict[str, str], secret: bytes | str) -> Settings:
    """Settings with which a ComfyUI may tell of the ends of its prompts."""
    shown = secret if isinstance(secret, str) else as_shown(secret)
    return load_settings({**environ, "COMFYUI_WEBHOOK_SECRET": shown})

"""Examples of webhooks and what they were told."""

from typing import Any

from pydantic import BaseModel

from api_service.doors.v1.webhooks.bodies import SinceBody, WebhookBody, WebhookChange
from api_service.doors.v1.webhooks.views import (
    DeliveryPage,
    DeliveryView,
    OwedAgainView,
    SecretWebhookView,
    WebhooksView,
    WebhookView,
)

URL = "https://hooks.example.com/generation"
WEBHOOK = {
    "id": "9f8a1c0d-2b3e-4f56-8a7b-1c2d3e4f5a6b",
    "user_id": "1f0c7a52-0000-4000-8000-000000000009",
    "url": URL,
    "of_jobs": False,
    "event_types": ["job.completed", "job.failed"],
    "metadata": {"project": "lighthouse"},
    "description": "the gallery",
    "enabled": True,
    "disabled_reason": None,
    "failures": 0,
    "failing_since": None,
    "rests_until": None,
    "previous_secret_until": None,
    "created_at": "2026-01-01T12:00:00Z",
}
DELIVERY = {
    "id": "7a1f9a44-93a1-4d7a-8a55-1f0c3e5d7b90",
    "message_id": "msg_7a1f9a4493a14d7a8a551f0c3e5d7b90",
    "job_id": 42,
    "type": "job.completed",
    "body": '{"type": "job.completed", "timestamp": "2026-01-01T12:00:07+00:00", "data": {"job_id": 42}}',
    "state": "delivered",
    "tries": 1,
    "created_at": "2026-01-01T12:00:07Z",
    "next_try_at": None,
    "last_tried_at": "2026-01-01T12:00:08Z",
    "last_status": 204,
    "last_error": None,
    "last_answer": None,
    "last_ms": 85,
}

EXAMPLES: dict[type[BaseModel], dict[str, Any]] = {
    WebhookBody: {
        "all": {"url": URL},
        "some": {"url": URL, "event_types": ["job.completed"], "metadata": {"project": "lighthouse"}},
    },
    WebhookChange: {"off": {"enabled": False}, "moved": {"url": URL}},
    SinceBody: {"a day": {"since": "2026-01-01T00:00:00Z"}},
    WebhookView: {"one": WEBHOOK},
    SecretWebhookView: {"new": {**WEBHOOK, "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="}},
    WebhooksView: {"all": {"items": [WEBHOOK]}},
    DeliveryView: {"delivered": DELIVERY},
    DeliveryPage: {"last": {"items": [DELIVERY], "next": None, "cursor": None}},
    OwedAgainView: {"three": {"deliveries": 3}},
}

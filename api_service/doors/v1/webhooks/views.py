"""What clients see of webhooks. A secret only once, when it is made."""

from datetime import datetime
from typing import Any, Self
from uuid import UUID

from pydantic import BaseModel

from api_service.http.pages import Page
from api_service.http.server.root_path import below_root
from shared.models import DeliveryState, WebhookDelivery, WebhookEndpoint
from shared.webhooks.payload import body_below
from shared.webhooks.signing import as_shown, message_id

WEBHOOKS = "/api/v1/webhooks"


class WebhookView(BaseModel, frozen=True):
    """Where its owner is told of ended jobs.

    The one `of_jobs` has no `url`: it is owed what single jobs are to tell, each at its own. `failures` in a row are
    counted since `failing_since`. Nothing is sent before `rests_until`, as its receiver asked. `disabled_reason` says
    why the service disabled it. Until `previous_secret_until` the secret before this one signs too.
    """

    id: UUID
    user_id: UUID
    url: str | None
    of_jobs: bool
    event_types: list[str]
    metadata: dict[str, Any]
    description: str | None
    enabled: bool
    disabled_reason: str | None
    failures: int
    failing_since: datetime | None
    rests_until: datetime | None
    previous_secret_until: datetime | None
    created_at: datetime

    @classmethod
    def of(cls, endpoint: WebhookEndpoint, **more: Any) -> Self:
        derived = {"url", "metadata", "previous_secret_until", "secret"}
        return cls(
            **{name: getattr(endpoint, name) for name in cls.model_fields.keys() - derived},
            url=endpoint.url or None,
            metadata=endpoint.metadata_filter,
            previous_secret_until=endpoint.previous_until,
            **more,
        )


class SecretWebhookView(WebhookView, frozen=True):
    """A webhook with a secret that was just made. `secret` is shown this once."""

    secret: str

    @classmethod
    def with_secret(cls, endpoint: WebhookEndpoint) -> Self:
        return cls.of(endpoint, secret=as_shown(endpoint.secret))


class WebhooksView(BaseModel, frozen=True):
    """All webhooks of the caller, the oldest first. There are 20 at most, so there are no pages."""

    items: list[WebhookView]


class DeliveryView(BaseModel, frozen=True):
    """Something that the webhook is told. `body` is what is sent, and `message_id` its `webhook-id`, at every try.

    `next_try_at` is null once it is `delivered`, or `failed` after ten tries. The rest is of the last try: the status
    and the first 4 kB of the answer, or why there was none.
    """

    id: UUID
    message_id: str
    job_id: int | None
    type: str
    body: str
    state: DeliveryState
    tries: int
    created_at: datetime
    next_try_at: datetime | None
    last_tried_at: datetime | None
    last_status: int | None
    last_error: str | None
    last_answer: str | None
    last_ms: int | None

    @classmethod
    def of(cls, delivery: WebhookDelivery) -> Self:
        derived = {"message_id", "next_try_at", "body"}
        return cls(
            **{name: getattr(delivery, name) for name in cls.model_fields.keys() - derived},
            body=body_below(below_root(""), delivery.body),
            message_id=message_id(delivery.id),
            next_try_at=delivery.due_at if delivery.state is DeliveryState.PENDING else None,
        )


class DeliveryPage(Page[DeliveryView], frozen=True):
    """A page of deliveries. `next` is where the page after it is, with `cursor` in it; both are null on the last."""


class OwedAgainView(BaseModel, frozen=True):
    """How many deliveries are tried again."""

    deliveries: int

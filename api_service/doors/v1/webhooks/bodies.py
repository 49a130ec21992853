"""What clients may say of webhooks."""

from collections.abc import Mapping
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, BaseModel, Field

from api_service.doors.binding import ApiRequest
from api_service.http.pages import PageQuery
from api_service.http.path_ids import uuid_in
from api_service.refusals.assets import wrong_field
from api_service.refusals.webhooks import delivery_not_found, webhook_not_found
from api_service.webhooks.asked import Url
from shared.database.moments import Moment
from shared.models import DeliveryState
from shared.outgoing.failures import NotAllowed
from shared.webhooks.payload import WebhookEvent
from shared.workflows.metadata import Metadata
from shared.workflows.parameters import without_nul

ALL_EVENTS = tuple(WebhookEvent)
Events = Annotated[tuple[WebhookEvent, ...], Field(min_length=1, max_length=10)]
Description = Annotated[str, Field(max_length=255), AfterValidator(without_nul)]


class WebhookBody(BaseModel, frozen=True, extra="forbid"):
    """A new webhook. It hears of all ends, or of those in `event_types`; of jobs whose metadata contain `metadata`."""

    url: Url
    event_types: Events = ALL_EVENTS
    metadata: Metadata = Field(default_factory=dict)
    description: Description | None = None
    enabled: Annotated[bool, Field(strict=True)] = True


class WebhookChange(BaseModel, frozen=True, extra="forbid"):
    """What is to change; what is absent stays."""

    url: Url = Field(default_factory=str)
    event_types: Events = ALL_EVENTS
    metadata: Metadata = Field(default_factory=dict)
    description: Description | None = None
    enabled: Annotated[bool, Field(strict=True)] = True


class SinceBody(BaseModel, frozen=True, extra="forbid"):
    """The events since this moment."""

    since: Moment


class DeliveriesQuery(PageQuery, frozen=True):
    """Which deliveries, and which page of them. `cursor` is from the page before, whose `state` must be the same."""

    state: DeliveryState | None = None


def values_of(request: ApiRequest[Any, Any]) -> dict[str, Any]:
    """The columns that the body sets. Raises Refusal: invalid_fields, for a URL that no request goes to."""
    body: WebhookBody | WebhookChange = request.body
    given = body.model_dump(exclude_unset=isinstance(body, WebhookChange))
    if "metadata" in given:
        given["metadata_filter"] = given.pop("metadata")
    if "event_types" in given:
        given["event_types"] = [str(event) for event in dict.fromkeys(given["event_types"])]
    if "url" in given:
        try:
            request.services.fetches.outgoing.check(given["url"])
        except NotAllowed as error:
            raise wrong_field("url", str(error), "url_not_allowed") from error
    return given


def webhook_id_in(path: Mapping[str, str]) -> UUID:
    """Raises Refusal: webhook_not_found, also for what is no id."""
    found = uuid_in(path["webhook_id"])
    if found is None:
        raise webhook_not_found(path["webhook_id"])
    return found


def delivery_id_in(path: Mapping[str, str]) -> UUID:
    """Raises Refusal: delivery_not_found, also for what is no id."""
    found = uuid_in(path["delivery_id"])
    if found is None:
        raise delivery_not_found(path["delivery_id"])
    return found

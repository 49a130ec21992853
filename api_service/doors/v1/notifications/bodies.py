"""What clients may say of notifications."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field

from api_service.doors.v1.streams.queries import StreamQuery
from api_service.http.pages import PageQuery
from api_service.refusals.notifications import notification_not_found
from shared.jobs.urls import number_in
from shared.notifications.events import NotificationEvent
from shared.notifications.secrets import LONGEST_PROOF
from shared.outgoing.mail_addresses import LONGEST, checked_address

LARGEST_NUMBER = 2**63 - 1

Wanted = Annotated[tuple[NotificationEvent, ...], Field(max_length=10)]
Number = Annotated[int, Field(ge=1, le=LARGEST_NUMBER, strict=True)]
Code = Annotated[str, Field(min_length=1, max_length=50)]


class PreferencesChange(BaseModel, frozen=True, extra="forbid"):
    """Which events are told by which channel. A channel that is absent stays as it is; an empty list ends it."""

    in_app: Wanted = ()
    email: Wanted = ()
    webhook: Wanted = ()


class AddressBody(BaseModel, frozen=True, extra="forbid"):
    """The address that e-mail is to go to, once it is verified."""

    address: Annotated[str, Field(max_length=LONGEST), AfterValidator(checked_address)]


class CodeBody(BaseModel, frozen=True, extra="forbid"):
    """The code that was mailed. Hyphens, blanks and small letters are no difference."""

    code: Code


class UpToBody(BaseModel, frozen=True, extra="forbid"):
    """Up to which notification, by its `id`; without it, all."""

    up_to: Number | None = None


class NotificationsQuery(PageQuery, frozen=True):
    """Which notifications, and which page of them. `cursor` is from the page before; its `unread` was the same."""

    unread: bool = False


class FollowQuery(StreamQuery):
    """From where on to follow."""

    last_event_id: int | None = Field(
        None,
        ge=0,
        le=LARGEST_NUMBER,
        description="send what came after this notification; the header `Last-Event-ID` wins over it",
    )


class ProofQuery(BaseModel, frozen=True, extra="forbid"):
    """What the link of an e-mail carries."""

    proof: Annotated[str, Field(min_length=1, max_length=LONGEST_PROOF)]


def number_of(path: Mapping[str, str]) -> int:
    """Raises Refusal: notification_not_found, also for what is no number."""
    text = path["notification_id"]
    number = number_in(text, LARGEST_NUMBER)
    if not number:
        raise notification_not_found(text)
    return number

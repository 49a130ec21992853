"""What clients see of notifications, and of what they asked to be told."""

from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import BaseModel

from api_service.http.pages import Page
from api_service.notifications.preferences import Preferences
from shared.models import Notification, NotificationKind
from shared.notifications.events import NotificationEvent
from shared.notifications.wording import title_of
from shared.texts.words import also_newer

NOTIFICATIONS = "/api/v1/notifications"
PREFERENCES = f"{NOTIFICATIONS}/preferences"
EMAIL = f"{NOTIFICATIONS}/email"
Events = list[Annotated[NotificationEvent, also_newer(NotificationEvent)]]


class NotificationView(BaseModel, frozen=True):
    """Something that a user was told. `title` says it in one line, `data` for programs.

    `id` grows: a user's notifications are numbered in order, with gaps. It is of a job, a batch, or a server.
    """

    id: int
    kind: NotificationKind
    title: str
    job_id: int | None
    batch_id: UUID | None
    server: str | None
    data: dict[str, Any]
    created_at: datetime
    read_at: datetime | None

    @classmethod
    def of(cls, row: Notification) -> Self:
        values = row.model_dump(include=set(cls.model_fields))
        return cls(**values, title=title_of(row.kind, values))


class NotificationPage(Page[NotificationView], frozen=True):
    """A page of notifications. `next` is where the page after it is, with `cursor` in it; both are null on the last."""


class UnreadView(BaseModel, frozen=True):
    """How many notifications are unread; 1,000 stands for that many or more."""

    unread: int


class ReadView(BaseModel, frozen=True):
    """How many notifications were unread before."""

    read: int


class PreferencesView(BaseModel, frozen=True):
    """Which events are told by which channel, and where e-mail goes.

    `address` is verified. `pending_address` has been mailed a code; until it is verified, e-mail goes to `address`.
    `sends_mail` says whether this installation sends e-mail at all.
    """

    in_app: Events
    email: Events
    webhook: Events
    address: str | None
    pending_address: str | None
    sends_mail: bool

    @classmethod
    def of(cls, found: Preferences, *, sends_mail: bool) -> Self:
        return cls(**found._asdict(), sends_mail=sends_mail)

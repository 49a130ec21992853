"""Whose webhook was disabled by this service is told so in the app, wanted or not; by other channels, who asked."""

from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col

from shared.models import NotificationKind, NotificationSettings
from shared.notifications.events import Channel, NotificationEvent
from shared.notifications.outbox import News, held_listeners, tell
from shared.notifications.secrets import drawn_secret


def tell_of_disabled(session: Session, user_id: UUID, webhook_id: UUID, url: str, reason: str) -> None:
    """Tell a user that a webhook of theirs hears nothing any more. Only the host is named: paths may hold secrets."""
    new = insert(NotificationSettings).values(user_id=user_id, secret=drawn_secret())
    session.connection().execute(new.on_conflict_do_nothing())
    listener = held_listeners(session, col(NotificationSettings.user_id) == user_id)[user_id]
    channels = listener.channels(NotificationEvent.WEBHOOK_DISABLED) | {Channel.IN_APP}
    data = {"webhook_id": str(webhook_id), "host": urlsplit(url).netloc, "reason": reason}
    tell(session, [News(user_id, NotificationKind.WEBHOOK_DISABLED, channels, data)])

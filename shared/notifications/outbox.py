"""News are rows, written with what they tell of; an e-mail and webhooks are owed them in the same transaction."""

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from sqlalchemy import ARRAY, Text, case, cast, func, insert, literal, update
from sqlalchemy import select as columns_of
from sqlmodel import Session, col, select

from shared.models import (
    DeliveryState,
    Notification,
    NotificationKind,
    NotificationSettings,
    WebhookDelivery,
    WebhookEndpoint,
)
from shared.notifications.events import Channel
from shared.notifications.wording import title_of
from shared.webhooks.payload import NOTIFICATION, body_of

SETTLES = timedelta(seconds=15)  # an e-mail waits for what ends together, and for word that its user has seen it
PACE = timedelta(minutes=5)  # between two e-mails of news to one user: what comes meanwhile is in the next
# What each channel tells of. No e-mail goes to an address that is not verified.
WANTED: dict[Channel, Any] = {
    Channel.IN_APP: col(NotificationSettings.in_app),
    Channel.EMAIL: case(
        (col(NotificationSettings.address).is_not(None), col(NotificationSettings.email)), else_=cast([], ARRAY(Text))
    ),
    Channel.WEBHOOK: col(NotificationSettings.webhook),
}


class Listener(NamedTuple):
    """A user, and the events to be told of by each channel. Its row of settings is held."""

    user_id: UUID
    in_app: Collection[str]
    email: Collection[str]
    webhook: Collection[str]

    def channels(self, *events: str) -> frozenset[Channel]:
        """By which channels it wants to hear of any of these events."""
        return frozenset(channel for channel in Channel if not set(events).isdisjoint(getattr(self, channel)))


class News(NamedTuple):
    """Something that one user is told by these channels."""

    user_id: UUID
    kind: NotificationKind
    channels: frozenset[Channel]
    data: Mapping[str, Any]
    job_id: int | None = None
    batch_id: UUID | None = None
    server: str | None = None

    @property
    def facts(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("kind", "job_id", "batch_id", "server", "data")}


def held_listeners(session: Session, *which: Any) -> dict[UUID, Listener]:
    """Those of these users who want to hear of anything, by their ids. They are held in one order, so that what each is
    told is numbered in the order of the commits."""
    held = columns_of(col(NotificationSettings.user_id), *WANTED.values()).where(*which)
    in_order = held.order_by(col(NotificationSettings.user_id)).with_for_update(key_share=True)
    return {row[0]: Listener(*row) for row in session.execute(in_order)}


def tell(session: Session, news: Sequence[News]) -> set[UUID]:
    """Tell users what is new, by the channels they want. Their settings are held. Returns who they are."""
    told = [one for one in news if one.channels]
    if not told:
        return set()
    rows = [
        {
            "user_id": one.user_id,
            **one.facts,
            "data": dict(one.data),
            "in_app": Channel.IN_APP in one.channels,
            "mail_owed": Channel.EMAIL in one.channels,
        }
        for one in told
    ]
    written = insert(Notification).returning(
        col(Notification.id), col(Notification.created_at), sort_by_parameter_order=True
    )
    made = session.connection().execute(written, rows).all()
    owe_mail(session, {one.user_id for one in told if Channel.EMAIL in one.channels})
    owe_deliveries(session, [(one, *of) for one, of in zip(told, made, strict=True) if Channel.WEBHOOK in one.channels])
    return {one.user_id for one in told}


def owe_mail(session: Session, user_ids: Collection[UUID]) -> None:
    """See that the next e-mail of each has its time."""
    if not user_ids:
        return
    settings = NotificationSettings
    next_at = func.greatest(func.now() + SETTLES, col(settings.mailed_at) + PACE)
    session.exec(
        update(settings)
        .where(col(settings.user_id).in_(user_ids), col(settings.mail_due_at).is_(None))
        .values(mail_due_at=next_at)
        .execution_options(synchronize_session=False)
    )


def owe_deliveries(session: Session, told: Sequence[tuple[News, int, Any]]) -> None:
    """Owe each of the news to those of its user's webhooks that want to hear of notifications. They are held, so that
    none is deleted before the rows that name it are written. One that hears of some jobs only hears of no news."""
    if not told:
        return
    endpoint = WebhookEndpoint
    wanted = (
        select(endpoint.user_id, endpoint.id)
        .where(
            col(endpoint.user_id).in_({one.user_id for one, *_ in told}),
            col(endpoint.enabled),
            literal(NOTIFICATION) == func.any(col(endpoint.event_types)),
            col(endpoint.metadata_filter) == {},
        )
        .order_by(col(endpoint.id))
        .with_for_update(read=True, key_share=True)
    )
    endpoints = session.exec(wanted).all()
    rows = [
        {
            "id": uuid4(),
            "endpoint_id": endpoint_id,
            "job_id": one.job_id,
            "type": NOTIFICATION,
            "body": body_of(NOTIFICATION, at, {"id": number, **one.facts, "title": title_of(one.kind, one.facts)}),
            "state": DeliveryState.PENDING,
        }
        for one, number, at in told
        for user_id, endpoint_id in endpoints
        if user_id == one.user_id
    ]
    if rows:
        session.connection().execute(insert(WebhookDelivery), rows)

"""Users who want to be told, and what they were told."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, update
from sqlmodel import col, select

from shared.jobs import lifecycle
from shared.jobs.cancel import cancel_one
from shared.jobs.claim.claims import Claim
from shared.jobs.errors import NodeFailed
from shared.messaging.messenger import Messenger
from shared.models import Mail, Notification, NotificationBatch, NotificationSettings
from shared.notifications.events import NotificationEvent
from shared.notifications.secrets import drawn_secret
from tests.jobs import USER, claimed, output, running

EVERYTHING = [event.value for event in NotificationEvent]
ADDRESS = "anna@example.com"


def listens(messenger: Messenger, user_id: UUID = USER, **values: Any) -> NotificationSettings:
    """A user who wants to be told: of everything in the app, unless it says otherwise."""
    facts: dict[str, Any] = {"in_app": EVERYTHING, "secret": drawn_secret()}
    with messenger.transaction() as session:
        made = NotificationSettings(user_id=user_id, **(facts | values))
        session.add(made)
    return made


def listens_by_mail(messenger: Messenger, user_id: UUID = USER, **values: Any) -> NotificationSettings:
    return listens(messenger, user_id, **({"in_app": [], "email": EVERYTHING, "address": ADDRESS} | values))


def complete(messenger: Messenger, claim: Claim, outputs: int = 1) -> int:
    with messenger.transaction() as session:
        lifecycle.complete(session, claim.lease, [output(claim, number) for number in range(outputs)])
    return claim.job.id


def completed(messenger: Messenger, outputs: int = 1, **values: Any) -> int:
    return complete(messenger, running(messenger, **values), outputs)


def failed(messenger: Messenger, message: str = "it broke", **values: Any) -> int:
    claim = running(messenger, **values)
    with messenger.transaction() as session:
        lifecycle.fail(session, claim.lease, NodeFailed("7", "KSampler", "ValueError", message))
    return claim.job.id


def completed_next(messenger: Messenger) -> int:
    """Complete the job that is claimed next."""
    claim = claimed(messenger)
    assert claim is not None
    return complete(messenger, claim)


def cancelled(messenger: Messenger, job_id: int) -> None:
    with messenger.transaction() as session:
        cancel_one(session, job_id)


def told(messenger: Messenger, user_id: UUID = USER) -> Sequence[Notification]:
    """What a user was told, in order."""
    with messenger.transaction() as session:
        of_user = select(Notification).where(Notification.user_id == user_id)
        return session.exec(of_user.order_by(col(Notification.id))).all()


def mails(messenger: Messenger) -> Sequence[Mail]:
    with messenger.transaction() as session:
        return session.exec(select(Mail).order_by(col(Mail.created_at))).all()


def settings_of(messenger: Messenger, user_id: UUID = USER) -> NotificationSettings:
    with messenger.transaction() as session:
        return session.get_one(NotificationSettings, user_id)


def let_pass(messenger: Messenger, time: timedelta) -> None:
    """Everything that is due within this time is due now."""
    with messenger.transaction() as session:
        session.exec(update(NotificationSettings).values(mail_due_at=col(NotificationSettings.mail_due_at) - time))
        session.exec(update(Mail).values(due_at=col(Mail.due_at) - time))
        session.exec(update(NotificationBatch).values(look_at=col(NotificationBatch.look_at) - time))
        ago = func.now() - time
        session.exec(update(Notification).values(created_at=func.least(col(Notification.created_at), ago)))

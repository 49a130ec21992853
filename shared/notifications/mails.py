"""E-mails are rows: made of what a user is owed when its time has come, then taken, tried, and tried again."""

import random
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import bindparam, func, text, update
from sqlmodel import Session, col, select

from shared.database.clock import database_time
from shared.messaging.due_work import DueWork
from shared.messaging.messages import SendMail
from shared.models import Mail, MailState, Notification, NotificationKind, NotificationSettings
from shared.notifications.outbox import PACE
from shared.notifications.wording import counted, title_of

NEWS, VERIFY = "news", "verify"
TEMPLATES = [NEWS, VERIFY]  # another one is of a newer release, whose workers send it
LEASE = timedelta(minutes=3)  # a try takes less; after that another worker tries
MOST_WOKEN = 10  # at a time: whoever wakes up works until nothing is due
MOST_IN_ONE = 1000  # notifications in one e-mail; what is beyond is in the next
MOST_LINES = 50  # of them are named
HEARD_WITHIN = timedelta(seconds=5)  # after its end it is known whether its user has seen it
# After each try but the last: ten in all, over a day and a half.
PAUSES = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 30, 60, 120, 240, 480, 720))
MOST_TRIES = len(PAUSES) + 1
JITTER = 0.2
LONGEST_ERROR = 255

TAKE = text("""
WITH taken AS (
    SELECT id FROM mails WHERE state = 'pending' AND due_at <= now() AND template = ANY (:templates)
    ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED
)
UPDATE mails AS mail
SET tries = tries + 1, last_tried_at = now(), due_at = now() + :lease
FROM taken, users, notification_settings AS settings
WHERE mail.id = taken.id AND users.id = mail.user_id AND settings.user_id = mail.user_id
RETURNING mail.id, mail.user_id, users.name AS "user", mail.address, mail.template, mail.data, mail.tries,
    mail.created_at, settings.secret
""").bindparams(bindparam("lease", LEASE), bindparam("templates", TEMPLATES))
DUE = text("""
SELECT count(*) FROM (
    (SELECT 1 FROM mails WHERE state = 'pending' AND due_at <= now() AND template = ANY (:templates) LIMIT :limit)
    UNION ALL (SELECT 1 FROM notification_settings WHERE mail_due_at <= now() LIMIT :limit)
) AS found
""").bindparams(bindparam("templates", TEMPLATES))


class TakenMail(NamedTuple):
    """An e-mail that this worker tries now, for the `tries`-th time. `secret` signs what ends its user's e-mail."""

    id: UUID
    user_id: UUID
    user: str
    address: str
    template: str
    data: dict[str, Any]
    tries: int
    created_at: datetime
    secret: bytes


def due_mail() -> DueWork:
    return DueWork(SendMail.queue, lambda _: SendMail(), due)


def due(session: Session, limit: int) -> Sequence[int]:
    """A number for each of the first e-mails that are due, or are to be made."""
    most = min(limit, MOST_WOKEN)
    return range(min(most, session.connection().scalar(DUE, {"limit": most}) or 0))


def make_one(session: Session) -> bool:
    """Make the e-mail that is due first of what its user is owed. Whether anybody's was due."""
    settings = NotificationSettings
    first = select(settings).where(col(settings.mail_due_at) <= func.now()).order_by(col(settings.mail_due_at))
    user = session.exec(first.limit(1).with_for_update(skip_locked=True, key_share=True)).one_or_none()
    if user is None:
        return False
    now, news = database_time(session), collected(session, user.user_id)
    if news and user.address:
        session.add(Mail(user_id=user.user_id, address=user.address, template=NEWS, data=digest_of(news)))
        user.mailed_at = now
    owed = select(Notification.id).where(Notification.user_id == user.user_id, Notification.mail_owed)
    is_more = session.exec(owed.limit(1)).first() is not None
    user.mail_due_at = now + (PACE if news else HEARD_WITHIN) if is_more else None
    return True


def collected(session: Session, user_id: UUID) -> Sequence[Notification]:
    """What the e-mail tells of, the oldest first. It is owed no more."""
    notification = Notification
    owed = (
        select(notification.id)
        .where(notification.user_id == user_id, notification.mail_owed)
        .where(col(notification.created_at) <= func.now() - HEARD_WITHIN)
        .order_by(col(notification.id))
        .limit(MOST_IN_ONE)
    )
    told = update(notification).where(col(notification.id).in_(owed)).values(mail_owed=False).returning(notification)
    found = session.scalars(told.execution_options(synchronize_session=False)).all()
    return sorted(found, key=lambda one: one.id)


def digest_of(news: Sequence[Notification]) -> dict[str, Any]:
    """What fills the words of an e-mail."""
    lines = [title_of(one.kind, one.model_dump()) for one in news[:MOST_LINES]]
    if more := len(news) - len(lines):
        lines.append(f"and {more} more")
    return {"headline": lines[0] if len(news) == 1 else headline_of(news), "lines": lines}


HEADLINES = {
    NotificationKind.JOB_COMPLETED: ("job", "completed"),
    NotificationKind.JOB_FAILED: ("job", "failed"),
    NotificationKind.BATCH_DONE: ("batch", "ended"),
    NotificationKind.SERVER_TROUBLE: ("server", "in trouble"),
    NotificationKind.SERVER_SOLVED: ("server", "solved"),
    NotificationKind.WEBHOOK_DISABLED: ("webhook", "disabled"),
}


def headline_of(news: Sequence[Notification]) -> str:
    """`3 jobs completed, 1 job failed`."""
    counts = Counter(one.kind for one in news)
    told = [f"{counted(counts[kind], noun)} {what}" for kind, (noun, what) in HEADLINES.items() if counts[kind]]
    others = counts.total() - sum(counts[kind] for kind in HEADLINES)
    return ", ".join([*told, counted(others, "other thing")] if others else told)


def take(session: Session) -> TakenMail | None:
    """The e-mail that has been due for longest."""
    found = session.connection().execute(TAKE).one_or_none()
    return TakenMail(**{**found._mapping, "secret": bytes(found.secret)}) if found else None


class Tried(NamedTuple):
    """How a try went: what the server refused, or why there was none. `is_final` says that no other try can help."""

    error: str | None = None
    is_final: bool = False


def write(session: Session, taken: TakenMail, made: Tried) -> MailState | None:
    """Write down a try. None if another worker has tried since, or nobody wants the e-mail any more."""
    pause = PAUSES[taken.tries - 1] * (1 + JITTER * random.random()) if taken.tries < MOST_TRIES else None  # noqa: S311 - no secret
    values: dict[str, Any] = {"state": MailState.PENDING, "last_error": made.error and made.error[:LONGEST_ERROR]}
    if made.error is None:
        values["state"] = MailState.SENT
    elif made.is_final or pause is None:
        values["state"] = MailState.FAILED
    if values["state"] is MailState.PENDING:
        values["due_at"] = func.now() + pause
    else:
        values["data"] = {}
    this = (col(Mail.id) == taken.id, col(Mail.tries) == taken.tries, col(Mail.state) == MailState.PENDING)
    changed = session.connection().execute(update(Mail).where(*this).values(**values))
    return values["state"] if changed.rowcount else None


def drop_news(session: Session, user_id: UUID) -> None:
    """Drop the news that a user is still to be mailed: nobody wants them, or nobody wants them there. The settings are
    held."""
    drop_mails(session, user_id, NEWS)
    owed = (col(Notification.user_id) == user_id, col(Notification.mail_owed))
    session.connection().execute(update(Notification).where(*owed).values(mail_owed=False))


def drop_mails(session: Session, user_id: UUID, template: str) -> None:
    """Drop the e-mails of one kind that a user is still to get."""
    pending = (col(Mail.user_id) == user_id, col(Mail.template) == template, col(Mail.state) == MailState.PENDING)
    session.connection().execute(update(Mail).where(*pending).values(state=MailState.DROPPED, data={}))

"""Who wants to hear of ended jobs is one question, asked in the transaction that ends them: webhooks and users at once.

What each is owed is written then: neither lost, nor told of what was not.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Row, Select, Text, Uuid, and_, any_, bindparam, exists, func, not_, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col

from shared.messaging.events import ChangedJob
from shared.models import (
    EventType,
    GenerationJob,
    MutedFailure,
    NotificationBatch,
    NotificationKind,
    NotificationSettings,
)
from shared.notifications.events import OF_ENDS
from shared.notifications.listened import Listened, listened
from shared.notifications.outbox import WANTED, Listener, News, tell
from shared.notifications.wording import on_one_line
from shared.webhooks.outbox import JOB_IDS, owe
from shared.webhooks.payload import OF_EVENTS

NEWS = bindparam("news", type_=Text)
USER_IDS = bindparam("user_ids", type_=ARRAY(Uuid))
NOT_STARTED = {"code": "expired", "message": "it was not started by its deadline"}


def listeners() -> Select[Any]:
    """The users who want to hear of the end of these jobs, or of the batches that those belong to and of which this is
    the first end; but of no failure that they have muted. Their settings are held in one order, so that what each is
    told is numbered in the order of the commits."""
    settings, batch_id = NotificationSettings, col(GenerationJob.batch_id)
    everything = col(settings.in_app) + col(settings.email) + col(settings.webhook)
    is_noted = exists().where(col(NotificationBatch.batch_id) == batch_id)
    is_muted = exists().where(
        col(MutedFailure.user_id) == col(GenerationJob.user_id),
        col(MutedFailure.failure) == col(GenerationJob.failure),
        col(MutedFailure.muted_until) > func.now(),
    )
    wants = or_(
        and_(batch_id.is_(None), any_(everything) == NEWS, not_(is_muted)),
        and_(batch_id.is_not(None), func.cardinality(everything) > 0, not_(is_noted)),
    )
    return (
        select(
            col(GenerationJob.id),
            col(GenerationJob.user_id),
            col(GenerationJob.job_type),
            batch_id,
            *(wanted.label(channel) for channel, wanted in WANTED.items()),
        )
        .join(GenerationJob, col(GenerationJob.user_id) == col(settings.user_id))
        .select_from(settings)
        .where(col(GenerationJob.id) == any_(JOB_IDS), wants)
        .order_by(col(settings.user_id), col(GenerationJob.id))
        .with_for_update(of=settings, key_share=True)
    )


LISTENERS = listeners()
# One small question answers for most jobs, whose owners have neither webhooks nor preferences.
ASKED_FOR = select(*listened(any_(USER_IDS)))


def owe_news(
    session: Session,
    jobs: Sequence[ChangedJob],
    kind: EventType,
    data: Mapping[str, Any],
    has_listeners: bool | None = None,
) -> None:
    """Owe the news of these jobs' end to everybody who wants to hear of it. `data` is that of their last event. Where
    what webhooks are owed is written, `has_listeners` says whether the jobs' owners have preferences."""
    event = OF_EVENTS.get(kind)
    if event is None or not jobs:
        return
    connection, job_ids = session.connection(), [job.id for job in jobs]
    owners = {"user_ids": list({job.user_id for job in jobs})}
    if has_listeners is None:
        found = Listened._make(connection.execute(ASKED_FOR, owners).one())
        if found.has_webhooks:
            owe(session, job_ids, event, data)
        has_listeners = found.has_listeners
    if has_listeners:
        listening = connection.execute(LISTENERS, {"job_ids": job_ids, "news": OF_ENDS.get(kind)})
        tell_owners(session, listening.all(), kind, data)


def tell_owners(session: Session, jobs: Sequence[Row[Any]], kind: EventType, data: Mapping[str, Any]) -> None:
    """A job that was submitted alone is told of now. Those of a batch are told of together, once all have ended."""
    note_batches(session, {job.batch_id: job.user_id for job in jobs if job.batch_id})
    news_kind = OF_ENDS.get(kind)
    if news_kind is not None:
        tell(session, [news_of(job, news_kind, data) for job in jobs if not job.batch_id])


def note_batches(session: Session, owners: Mapping[UUID, UUID]) -> None:
    rows = [{"batch_id": batch_id, "user_id": owners[batch_id]} for batch_id in sorted(owners)]
    if rows:
        session.connection().execute(insert(NotificationBatch).on_conflict_do_nothing(), rows)


def news_of(job: Row[Any], kind: NotificationKind, data: Mapping[str, Any]) -> News:
    facts: dict[str, Any] = {"job_type": job.job_type}
    if kind is NotificationKind.JOB_COMPLETED:
        facts["output_count"] = len(data.get("outputs", ()))
    else:
        said = data if "code" in data else NOT_STARTED
        facts |= {"code": said["code"], "message": on_one_line(said["message"])}
    wants = Listener(job.user_id, job.in_app or (), job.email or (), job.webhook or ())
    return News(job.user_id, kind, wants.channels(kind), facts, job_id=job.id)

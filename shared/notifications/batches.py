"""A batch is told of once, when all jobs that were submitted together have ended.

The last two may end at the same moment, and neither transaction sees the other's. So whether a batch is done is looked
up afterwards, again and again until it is.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import func
from sqlmodel import Session, col, select

from shared.database.clock import database_time
from shared.models import LIVE, GenerationJob, JobStatus, NotificationBatch, NotificationKind, NotificationSettings
from shared.notifications.events import NotificationEvent
from shared.notifications.outbox import Listener, News, held_listeners, tell

SOONEST, LATEST = timedelta(seconds=2), timedelta(minutes=5)  # between two looks at one batch
SHARE_OF_AGE = 20  # an old batch is looked at less often
# What is wanted of single jobs is wanted of batches that have such.
ENDS = {
    JobStatus.COMPLETED: NotificationEvent.JOB_COMPLETED,
    JobStatus.FAILED: NotificationEvent.JOB_FAILED,
    JobStatus.EXPIRED: NotificationEvent.JOB_FAILED,
}
Counts = Mapping[JobStatus, int]


def tell_of_batches(session: Session, limit: int) -> set[UUID]:
    """Tell of batches that are done, of at most `limit` that are due for a look. Returns the users who were told."""
    batch = NotificationBatch
    due = select(batch).where(col(batch.told_at).is_(None), col(batch.look_at) <= func.now())
    looked_at = session.exec(due.order_by(col(batch.look_at)).limit(limit).with_for_update(skip_locked=True)).all()
    if not looked_at:
        return set()
    now, owners = database_time(session), {}
    counts = counts_of(session, [one.batch_id for one in looked_at])
    for one in looked_at:
        if counts[one.batch_id].keys() & set(LIVE):
            one.look_at = now + min(max((now - one.created_at) / SHARE_OF_AGE, SOONEST), LATEST)
        else:
            one.told_at, owners[one.batch_id] = now, one.user_id
    found = held_listeners(session, col(NotificationSettings.user_id).in_(set(owners.values())))
    return tell(
        session,
        [
            news_of(batch_id, found[user_id], counts[batch_id])
            for batch_id, user_id in owners.items()
            if user_id in found and counts[batch_id]
        ],
    )


def counts_of(session: Session, batch_ids: Sequence[UUID]) -> Mapping[UUID, Counts]:
    """How many jobs of each batch have which status. Of one whose jobs were deleted there are none."""
    counted = (
        select(GenerationJob.batch_id, col(GenerationJob.status), func.count())
        .where(col(GenerationJob.batch_id).in_(batch_ids))
        .group_by(col(GenerationJob.batch_id), col(GenerationJob.status))
    )
    found: defaultdict[UUID, dict[JobStatus, int]] = defaultdict(dict)
    for batch_id, status, jobs in session.exec(counted):
        assert batch_id is not None
        found[batch_id][JobStatus(status)] = jobs
    return found


def news_of(batch_id: UUID, listener: Listener, counts: Counts) -> News:
    ends = Counter({status.value: counts.get(status, 0) for status in JobStatus if status.is_final})
    events = {event for status, event in ENDS.items() if counts.get(status)}
    channels = listener.channels(NotificationEvent.BATCH_DONE, *events)
    data = {"jobs": ends.total(), **ends}
    return News(listener.user_id, NotificationKind.BATCH_DONE, channels, data, batch_id=batch_id)

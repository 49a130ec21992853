"""Which deliveries are due, and taking one: two of an endpoint at a time, so that a slow one delays only itself."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Interval, bindparam, text
from sqlmodel import Session

from shared.database.prepared_statement import Prepared
from shared.messaging.due_work import DueWork
from shared.messaging.messages import DeliverWebhooks

AT_ONCE = 2  # deliveries of one endpoint under way
LEASE = timedelta(minutes=1)  # a try takes less; after that another worker tries
MOST_WOKEN = 10  # at a time: whoever wakes up works until nothing is due

HAS_ROOM = """endpoint.enabled AND (
    SELECT count(*) FROM webhook_deliveries AS other
    WHERE other.endpoint_id = endpoint.id AND other.claimed_until > now()
) < :at_once"""
# The oldest of each endpoint, as many as it may have under way. None of them is locked yet.
DUE = """webhook_endpoints AS endpoint CROSS JOIN LATERAL (
    SELECT id, due_at FROM webhook_deliveries
    WHERE endpoint_id = endpoint.id AND state = 'pending' AND due_at <= now()
    ORDER BY due_at LIMIT {each}
) AS due"""
ENDPOINTS = f"SELECT count(*) FROM (SELECT 1 FROM {DUE.format(each=1)} WHERE {HAS_ROOM} LIMIT :limit) AS found"  # noqa: S608 - ours
COUNT = text(ENDPOINTS).bindparams(bindparam("at_once", AT_ONCE))
# One that is locked is passed over, and one that was taken a moment ago is not due any more.
TAKE_STATEMENT = text(
    f"""
WITH taken AS (
    SELECT delivery.id FROM {DUE.format(each=":at_once")}
    JOIN webhook_deliveries AS delivery
        ON delivery.id = due.id AND delivery.state = 'pending' AND delivery.due_at <= now()
    WHERE {HAS_ROOM} ORDER BY due.due_at LIMIT 1 FOR UPDATE OF delivery SKIP LOCKED
)
UPDATE webhook_deliveries AS delivery
SET tries = tries + 1, last_tried_at = now(), claimed_until = now() + :lease, due_at = now() + :lease
FROM taken, webhook_endpoints AS endpoint
WHERE delivery.id = taken.id AND endpoint.id = delivery.endpoint_id
RETURNING delivery.id, delivery.endpoint_id, delivery.tries, delivery.body,
    coalesce(delivery.url, endpoint.url) AS url, coalesce(delivery.secret, endpoint.secret) AS secret,
    CASE WHEN delivery.secret IS NULL AND endpoint.previous_until > now() THEN endpoint.previous_secret
    END AS previous_secret, endpoint.of_jobs, now() AS at
"""  # noqa: S608 - ours
).bindparams(bindparam("at_once", AT_ONCE), bindparam("lease", type_=Interval))


class Taken(NamedTuple):
    """A delivery that this worker tries now, for the `tries`-th time."""

    id: UUID
    endpoint_id: UUID
    tries: int
    body: str
    url: str
    secret: bytes
    previous_secret: bytes | None
    of_jobs: bool
    at: datetime

    @property
    def secrets(self) -> list[bytes]:
        return [bytes(secret) for secret in (self.secret, self.previous_secret) if secret is not None]


TAKE = Prepared("take_delivery", TAKE_STATEMENT, row=Taken)


def take(session: Session) -> Taken | None:
    """The delivery that has been due for longest, of an endpoint that has room."""
    return TAKE.one_or_none(session, {"lease": LEASE})


def due_deliveries() -> DueWork:
    return DueWork(DeliverWebhooks.queue, lambda _: DeliverWebhooks(), due)


def due(session: Session, limit: int) -> Sequence[int]:
    """A number for each of the first endpoints that something is owed to now: which delivery it is, whoever wakes up
    finds out."""
    return range(session.connection().scalar(COUNT, {"limit": min(limit, MOST_WOKEN)}) or 0)

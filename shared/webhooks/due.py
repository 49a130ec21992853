"""Which deliveries are due, and taking one: two of an endpoint at a time, so that a slow one delays only itself."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ARRAY, Boolean, Interval, Uuid, bindparam, text
from sqlmodel import Session

from shared.database.prepared_statement import Prepared
from shared.messaging.due_work import DueWork
from shared.messaging.messages import DeliverWebhooks

AT_ONCE = 2  # deliveries of one endpoint under way
LEASE = timedelta(minutes=1)  # a try takes less; after that another worker tries
SLOW_AFTER = timedelta(seconds=2)  # a try that takes longer makes its endpoint a slow one, until one is quick again
MOST_WOKEN = 10  # at a time: whoever wakes up works until nothing is due

HAS_ROOM = """endpoint.enabled AND (endpoint.rests_until IS NULL OR endpoint.rests_until <= now()) AND (
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
# Whether an endpoint was quick when it was tried last: as the caller knows, or else by the newest of what it was told.
# Null for one that nobody has tried.
WAS_QUICK = """CASE WHEN endpoint.id = ANY(:quick) THEN true WHEN endpoint.id = ANY(:slow) THEN false ELSE (
    SELECT last_ms <= :slow_after_ms FROM (
        SELECT last_ms, last_tried_at FROM webhook_deliveries WHERE endpoint_id = endpoint.id
        ORDER BY created_at DESC, id DESC LIMIT :looked_at
    ) AS newest WHERE last_ms IS NOT NULL ORDER BY last_tried_at DESC LIMIT 1
) END"""
LOOKED_AT = 20  # deliveries: of a backlog none was tried
# One that is locked is passed over, and one that was taken a moment ago is not due any more.
TAKE_STATEMENT = text(
    f"""
WITH taken AS (
    SELECT delivery.id FROM {DUE.format(each=":at_once")}
    JOIN webhook_deliveries AS delivery
        ON delivery.id = due.id AND delivery.state = 'pending' AND delivery.due_at <= now()
    WHERE (:slow_too OR coalesce({WAS_QUICK}, :new_too)) AND {HAS_ROOM}
    ORDER BY due.due_at LIMIT 1 FOR UPDATE OF delivery SKIP LOCKED
)
UPDATE webhook_deliveries AS delivery
SET tries = tries + 1, last_tried_at = now(), claimed_until = now() + :lease, due_at = now() + :lease
FROM taken, webhook_endpoints AS endpoint
WHERE delivery.id = taken.id AND endpoint.id = delivery.endpoint_id
RETURNING delivery.id, delivery.endpoint_id, delivery.tries, delivery.body,
    coalesce(delivery.url, endpoint.url) AS url, coalesce(delivery.secret, endpoint.secret) AS secret,
    CASE WHEN delivery.secret IS NULL AND endpoint.previous_until > now() THEN endpoint.previous_secret
    END AS previous_secret, endpoint.of_jobs, now() AS at, {WAS_QUICK} AS was_quick
"""  # noqa: S608 - ours
).bindparams(
    bindparam("at_once", AT_ONCE),
    bindparam("slow_after_ms", SLOW_AFTER // timedelta(milliseconds=1)),
    bindparam("looked_at", LOOKED_AT),
    bindparam("lease", type_=Interval),
    *(bindparam(name, type_=ARRAY(Uuid)) for name in ("quick", "slow")),
    *(bindparam(name, type_=Boolean) for name in ("slow_too", "new_too")),
)


class Wanted(NamedTuple):
    """Of which endpoints a delivery is to be taken: of slow ones too, or of new ones, or only of those that were quick.
    `quick` and `slow` are those that the caller has tried itself."""

    slow_too: bool = True
    new_too: bool = True
    quick: Sequence[UUID] = ()
    slow: Sequence[UUID] = ()


ANY = Wanted()


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
    was_quick: bool | None  # the endpoint, when it was tried last

    @property
    def secrets(self) -> list[bytes]:
        return [bytes(secret) for secret in (self.secret, self.previous_secret) if secret is not None]


TAKE = Prepared("take_delivery", TAKE_STATEMENT, row=Taken)


def take(session: Session, wanted: Wanted = ANY) -> Taken | None:
    """The delivery that has been due for longest, of an endpoint that has room and is wanted."""
    known = {"quick": list(wanted.quick), "slow": list(wanted.slow)}
    return TAKE.one_or_none(session, {"lease": LEASE, "slow_too": wanted.slow_too, "new_too": wanted.new_too, **known})


def due_deliveries() -> DueWork:
    return DueWork(DeliverWebhooks.queue, lambda _: DeliverWebhooks(), due)


def due(session: Session, limit: int) -> Sequence[int]:
    """A number for each of the first endpoints that something is owed to now: which delivery it is, whoever wakes up
    finds out."""
    return range(session.connection().scalar(COUNT, {"limit": min(limit, MOST_WOKEN)}) or 0)

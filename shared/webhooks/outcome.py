"""What a try makes of a delivery and of its endpoint: done, to be tried again, or given up."""

import random
from collections.abc import Callable
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Boolean, Integer, Interval, Text, Uuid, bindparam, func, text, update
from sqlmodel import Session, col

from shared.database.prepared_statement import Prepared
from shared.models import DeliveryState, WebhookDelivery, WebhookEndpoint
from shared.webhooks.due import Taken

# After each try but the last: ten in all. Standard Webhooks names these.
PAUSES = (
    *(timedelta(seconds=5), timedelta(minutes=5), timedelta(minutes=30)),
    *(timedelta(hours=hours) for hours in (2, 5, 10, 14, 20, 24)),
)
MOST_TRIES = len(PAUSES) + 1
LONGEST_ASKED = timedelta(hours=24)  # by Retry-After
# What was too much for a receiver is followed by nothing else for a while: as long as it asks for, but new events wait
# no longer than this.
TOO_MUCH, REST, LONGEST_REST = (429, 502, 504), timedelta(seconds=5), timedelta(hours=1)
JITTER = 0.2
FAILURES_THAT_DISABLE, FAILING_FOR = 50, timedelta(days=1)
GONE = 410
KEPT_ANSWER = 4096  # bytes of it
# Whose endpoint was disabled, its id and URL, and why.
Tell = Callable[[Session, UUID, UUID, str, str], None]

# The endpoint is held before the delivery, as by the transaction that deletes both. What is sent for jobs' own URLs
# counts no failures, so there is nothing to forget after a good try.
WRITE_STATEMENT = text("""
WITH held AS (
    SELECT id FROM webhook_endpoints WHERE id = :endpoint_id FOR NO KEY UPDATE
), tried AS (
    UPDATE webhook_deliveries AS delivery
    SET state = :state, claimed_until = NULL, due_at = now() + :pause, last_status = :status, last_error = :error,
        last_answer = :answer, last_ms = :took_ms
    FROM held WHERE delivery.id = :id AND delivery.tries = :tries RETURNING delivery.endpoint_id
), recovered AS (
    UPDATE webhook_endpoints AS endpoint SET failures = 0, failing_since = NULL, rests_until = NULL
    FROM tried WHERE endpoint.id = tried.endpoint_id AND :is_good AND endpoint.failures > 0
)
SELECT true FROM tried
""").bindparams(
    bindparam("endpoint_id", type_=Uuid),
    bindparam("id", type_=Uuid),
    bindparam("tries", type_=Integer),
    bindparam("state", type_=Text),
    bindparam("pause", type_=Interval),
    bindparam("status", type_=Integer),
    bindparam("error", type_=Text),
    bindparam("answer", type_=Text),
    bindparam("took_ms", type_=Integer),
    bindparam("is_good", type_=Boolean),
)
WRITE = Prepared("write_try", WRITE_STATEMENT, row=bool)


class Try(NamedTuple):
    """How a try went: the status and the beginning of the answer, why there was none or not all of it, and what it
    asked for."""

    took_ms: int
    status: int | None = None
    answer: bytes = b""
    error: str | None = None
    retry_after: timedelta | None = None

    @property
    def is_good(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def shown_answer(self) -> str | None:
        """As a column can hold it."""
        return self.answer[:KEPT_ANSWER].decode(errors="replace").replace("\0", "\ufffd") if self.answer else None


def pause_after(tries: int, asked: timedelta | None) -> timedelta | None:
    """How long to wait after so many tries; None where there is no other."""
    if tries >= MOST_TRIES:
        return None
    pause = PAUSES[tries - 1] * (1 + JITTER * random.random())  # noqa: S311 - no secret
    return max(pause, min(asked or timedelta(), LONGEST_ASKED))


def rest_after(made: Try) -> timedelta | None:
    """For how long its endpoint is sent nothing else; None where it may go on at once."""
    if made.retry_after is not None:
        return min(made.retry_after, LONGEST_REST)
    return REST if made.status in TOO_MUCH else None


def write(session: Session, taken: Taken, made: Try, tell_owner: Tell) -> DeliveryState | None:
    """Write down a try. None if another worker has tried since, or the endpoint is gone."""
    pause = pause_after(taken.tries, made.retry_after)
    state = DeliveryState.PENDING
    if made.is_good:
        state = DeliveryState.DELIVERED
    elif pause is None or made.status == GONE:
        state = DeliveryState.FAILED
    values = {
        "id": taken.id,
        "tries": taken.tries,
        "endpoint_id": taken.endpoint_id,
        "state": state.value,
        "pause": pause or timedelta(),
        "status": made.status,
        "error": made.error,
        "answer": made.shown_answer,
        "took_ms": made.took_ms,
        "is_good": made.is_good,
    }
    if WRITE.one_or_none(session, values) is None:
        return None
    if not made.is_good and not taken.of_jobs:  # each job's URL is another receiver
        count_failure(session, taken, tell_owner, made)
    return state


def put_back(session: Session, taken: Taken) -> DeliveryState:
    """Let a delivery whose try was broken off here be due at once, as if it had not been tried."""
    is_ours = (col(WebhookDelivery.id) == taken.id, col(WebhookDelivery.tries) == taken.tries)
    values = {"claimed_until": None, "due_at": func.now(), "tries": WebhookDelivery.tries - 1}
    session.connection().execute(update(WebhookDelivery).where(*is_ours).values(**values))
    return DeliveryState.PENDING


def count_failure(session: Session, taken: Taken, tell_owner: Tell, made: Try) -> None:
    """Count failures in a row, and let the endpoint rest. Fifty of them over a day, or the answer 410, disable it: its
    owner is told."""
    is_gone, rest = made.status == GONE, rest_after(made)
    endpoint = update(WebhookEndpoint).where(col(WebhookEndpoint.id) == taken.endpoint_id)
    failures = col(WebhookEndpoint.failures)
    since = func.coalesce(WebhookEndpoint.failing_since, func.now())
    rests = {} if rest is None else {"rests_until": func.now() + rest}
    session.connection().execute(endpoint.values(failures=failures + 1, failing_since=since, **rests))
    is_lost = (failures >= FAILURES_THAT_DISABLE, col(WebhookEndpoint.failing_since) <= func.now() - FAILING_FOR)
    reason = "it answered 410" if is_gone else f"{FAILURES_THAT_DISABLE} deliveries in a row failed, over a day or more"
    conditions = () if is_gone else is_lost
    disabled = endpoint.where(col(WebhookEndpoint.enabled), *conditions).values(enabled=False, disabled_reason=reason)
    owner = disabled.returning(col(WebhookEndpoint.user_id), col(WebhookEndpoint.id), col(WebhookEndpoint.url))
    if found := session.connection().execute(owner).one_or_none():
        tell_owner(session, *found, reason)

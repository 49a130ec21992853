"""What a try makes of a delivery and of its endpoint: done, to be tried again, or given up."""

import random
from datetime import timedelta
from typing import NamedTuple

from sqlalchemy import func, update
from sqlmodel import Session, col, select

from shared.models import DeliveryState, WebhookDelivery, WebhookEndpoint
from shared.webhooks.due import Taken

# After each try but the last: ten in all. Standard Webhooks names these.
PAUSES = (
    *(timedelta(seconds=5), timedelta(minutes=5), timedelta(minutes=30)),
    *(timedelta(hours=hours) for hours in (2, 5, 10, 14, 20, 24)),
)
MOST_TRIES = len(PAUSES) + 1
LONGEST_ASKED = timedelta(hours=24)  # by Retry-After
JITTER = 0.2
FAILURES_THAT_DISABLE, FAILING_FOR = 50, timedelta(days=1)
GONE = 410
KEPT_ANSWER = 4096  # bytes of it


class Try(NamedTuple):
    """How a try went: the status and the beginning of the answer, or why there was none; and what it asked for."""

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


def write(session: Session, taken: Taken, made: Try) -> DeliveryState | None:
    """Write down a try. None if another worker has tried since, or the endpoint is gone.

    The endpoint is held before the delivery, as by the transaction that deletes both.
    """
    held = select(WebhookEndpoint.id).where(WebhookEndpoint.id == taken.endpoint_id)
    if session.exec(held.with_for_update(key_share=True)).one_or_none() is None:
        return None
    pause = pause_after(taken.tries, made.retry_after)
    state = DeliveryState.PENDING
    if made.is_good:
        state = DeliveryState.DELIVERED
    elif pause is None or made.status == GONE:
        state = DeliveryState.FAILED
    changed = session.connection().execute(
        update(WebhookDelivery)
        .where(col(WebhookDelivery.id) == taken.id, col(WebhookDelivery.tries) == taken.tries)
        .values(
            state=state,
            claimed_until=None,
            due_at=func.now() + (pause or timedelta()),
            last_status=made.status,
            last_error=made.error,
            last_answer=made.shown_answer,
            last_ms=made.took_ms,
        )
    )
    if not changed.rowcount:
        return None
    if not taken.of_jobs:  # each job's URL is another receiver
        count(session, taken, made)
    return state


def put_back(session: Session, taken: Taken) -> DeliveryState:
    """Let a delivery whose try was broken off here be due at once, as if it had not been tried."""
    is_ours = (col(WebhookDelivery.id) == taken.id, col(WebhookDelivery.tries) == taken.tries)
    values = {"claimed_until": None, "due_at": func.now(), "tries": WebhookDelivery.tries - 1}
    session.connection().execute(update(WebhookDelivery).where(*is_ours).values(**values))
    return DeliveryState.PENDING


def count(session: Session, taken: Taken, made: Try) -> None:
    """Count failures in a row. Fifty of them over a day, or the answer 410, disable the endpoint."""
    endpoint = update(WebhookEndpoint).where(col(WebhookEndpoint.id) == taken.endpoint_id)
    failures = col(WebhookEndpoint.failures)
    if made.is_good:
        session.connection().execute(endpoint.where(failures > 0).values(failures=0, failing_since=None))
        return
    since = func.coalesce(WebhookEndpoint.failing_since, func.now())
    session.connection().execute(endpoint.values(failures=failures + 1, failing_since=since))
    is_gone = made.status == GONE
    is_lost = (failures >= FAILURES_THAT_DISABLE, col(WebhookEndpoint.failing_since) <= func.now() - FAILING_FOR)
    reason = "it answered 410" if is_gone else f"{FAILURES_THAT_DISABLE} deliveries in a row failed, over a day or more"
    conditions = () if is_gone else is_lost
    session.connection().execute(
        endpoint.where(col(WebhookEndpoint.enabled), *conditions).values(enabled=False, disabled_reason=reason)
    )

"""What follows a job: how fast one worker delivers what a webhook is owed, and what a webhook costs a job's end.

The receiver answers at once. All deliveries are owed to one endpoint, which gets two at a time. An end is one
transaction, with one output; those with a webhook and those without take turns.
"""

import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from uuid import UUID, uuid4

from sqlalchemy import func, insert, update
from sqlmodel import col, select

from shared.jobs import lifecycle
from shared.models import DeliveryState, User, WebhookDelivery, WebhookEndpoint
from shared.webhooks.payload import WebhookEvent, body_of
from tests.bench.figure import Bench, Figure, Measure, Round
from tests.bench.place import Place, Running, Wanted, wait_until
from tests.jobs import output, running
from tests.raw_server import playing
from tests.webhooks import TAKEN, endpoint

DELIVERED = "deliveries/s of one worker to one endpoint"
ENDED = "completing a job that a webhook hears of"
TARGET = 200.0


@contextmanager
def opened(place: Place) -> Iterator[Measure]:
    deliveries, ends = place.few(1000, 20), place.few(300, 5)
    wanted = Wanted(apis=0, scheduler=False, variables={"OUTGOING_ALLOW": "127.0.0.1"})
    # The jobs of the second figure are claimed here: no worker may have them.
    alone = Wanted(apis=0, workers=0, scheduler=False)
    with (
        playing(lambda connection, _: connection.sendall(TAKEN)) as receiver,
        place.system(wanted) as delivering,
        place.system(alone) as ending,
    ):
        told = endpoint(delivering.messenger, receiver.url, user_id=owner(delivering), event_types=[])
        endpoint(ending.messenger, receiver.url, user_id=owner(ending))
        yield lambda: {DELIVERED: delivered(delivering, told.id, deliveries), ENDED: ended(ending, ends)}


def owner(here: Running) -> UUID:
    with here.messenger.transaction() as session:
        return session.exec(select(User.id)).one()


def delivered(here: Running, endpoint_id: UUID, number: int) -> Round:
    body = body_of(WebhookEvent.COMPLETED, datetime.now(UTC), {"metadata": {"note": "x" * 600}})
    facts = {"endpoint_id": endpoint_id, "type": "job.completed", "body": body, "state": DeliveryState.PENDING}
    with here.messenger.transaction() as session:
        session.connection().execute(insert(WebhookDelivery), [{"id": uuid4(), **facts} for _ in range(number)])
    began = time.monotonic()

    def is_done() -> bool:
        pending = select(func.count()).where(col(WebhookDelivery.state) == DeliveryState.PENDING)
        with here.messenger.transaction() as session:
            return session.exec(pending).one() == 0

    wait_until(is_done)
    return Round(number / (time.monotonic() - began), TARGET)


def ended(here: Running, number: int) -> Round:
    """Medians in ms, of ends that are told and of ends that are not."""
    times: dict[bool, list[float]] = {True: [], False: []}
    for turn in range(2 * number):
        is_told = turn % 2 == 0
        claim = running(here.messenger, user_id=owner(here))
        with here.messenger.transaction() as session:
            session.exec(update(WebhookEndpoint).values(enabled=is_told))
        began = time.perf_counter()
        with here.messenger.transaction() as session:
            lifecycle.complete(session, claim.lease, [output(claim)])
        times[is_told].append((time.perf_counter() - began) * 1000)
    return Round(statistics.median(times[True]), statistics.median(times[False]))


FOLLOWING = Bench(
    (
        Figure(DELIVERED, "1/s", f"{TARGET:.0f} a second", ">= 1"),
        Figure(ENDED, "ms", "one that none hears of", "<= 1.1"),
    ),
    opened,
)

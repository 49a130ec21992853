"""What follows a job: how fast one worker delivers what a webhook is owed, and what a webhook costs a job's end.

The receiver answers at once. All deliveries are owed to one endpoint, which gets two at a time. An end is one
transaction, with one output. Those of a user with a webhook and of one without take turns, and each pair is a ratio of
its own: what else goes on meanwhile is in both.
"""

import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from uuid import UUID, uuid4

from sqlalchemy import func, insert
from sqlmodel import col, select

from shared.jobs import lifecycle
from shared.models import DeliveryState, User, WebhookDelivery
from shared.webhooks.payload import WebhookEvent, body_of
from tests.bench.figure import Bench, Figure, Measure, Round
from tests.bench.place import Place, Running, Wanted, wait_until
from tests.jobs import output, running
from tests.raw_server import playing
from tests.webhooks import TAKEN, endpoint

DELIVERED = "deliveries/s of one worker to one endpoint"
ENDED = "completing with a webhook"
TARGET = 200.0
TOLD, UNTOLD = UUID(int=1), UUID(int=2)  # users with a webhook and without


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
        add_users(ending)
        endpoint(ending.messenger, receiver.url, user_id=TOLD)
        yield lambda: {DELIVERED: delivered(delivering, told.id, deliveries), ENDED: ended(ending, ends)}


def add_users(here: Running) -> None:
    with here.messenger.transaction() as session:
        session.add_all(User(id=user_id, name=str(user_id)) for user_id in (TOLD, UNTOLD))


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


def ended(here: Running, pairs: int) -> Round:
    """In ms, the end that is not told of the median, and that times the median of all pairs' ratios."""
    orders = ((TOLD, UNTOLD), (UNTOLD, TOLD))
    found = [{user_id: end_of(here, user_id) for user_id in orders[pair % 2]} for pair in range(pairs)]
    untold = statistics.median(one[UNTOLD] for one in found)
    return Round(untold * statistics.median(one[TOLD] / one[UNTOLD] for one in found), untold)


def end_of(here: Running, user_id: UUID) -> float:
    claim = running(here.messenger, user_id=user_id)
    began = time.perf_counter()
    with here.messenger.transaction() as session:
        lifecycle.complete(session, claim.lease, [output(claim)])
    return (time.perf_counter() - began) * 1000


FOLLOWING = Bench(
    (
        Figure(DELIVERED, "1/s", f"{TARGET:.0f} a second", ">= 1"),
        Figure(ENDED, "ms", "one that none hears of", "<= 1.1"),
    ),
    opened,
)

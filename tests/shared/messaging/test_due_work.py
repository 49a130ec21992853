"""Any row can be owed a wake-up: as many messages are sent as rows are due, less those on their way."""

from collections.abc import Sequence
from dataclasses import replace

import redis
from sqlmodel import Session

from shared.messaging.due_work import DueWork, WakeUps
from shared.messaging.messages import Message, Queue
from shared.messaging.messenger import Messenger


class Deliver(Message):
    """Wake up: a row of a table that is yet to come is due."""

    actor_name = "deliver"
    queue = Queue.COMFY

    delivery_id: int


class Deliveries:
    """Rows that are due, and how often they were prepared."""

    def __init__(self, *ids: int) -> None:
        self.ids = list(ids)
        self.prepared = 0

    def due(self, session: Session, limit: int) -> Sequence[int]:
        return self.ids[:limit]

    def prepare(self, session: Session, limit: int) -> None:
        self.prepared += 1

    @property
    def work(self) -> DueWork:
        return DueWork(Deliver.queue, lambda row_id: Deliver(delivery_id=row_id), self.due, self.prepare)


def test_what_is_due_is_sent_once(messenger: Messenger) -> None:
    wakeups = WakeUps(messenger, Deliveries(7, 8, 9).work)
    assert wakeups.send_missing() == 3
    assert wakeups.send_missing() == 0, "they are on their way"
    assert messenger.waiting_messages(Deliver.queue) == 3


def test_messages_on_their_way_are_counted_against_the_first(messenger: Messenger) -> None:
    deliveries = Deliveries(7)
    wakeups = WakeUps(messenger, deliveries.work)
    wakeups.send_missing()
    deliveries.ids = [8, 9]
    assert wakeups.send_missing() == 1


def test_one_is_sent_where_none_waits(messenger: Messenger) -> None:
    wakeups = WakeUps(messenger, Deliveries().work)
    wakeups.send_one(7)
    wakeups.send_one(8)
    assert messenger.waiting_messages(Deliver.queue) == 1


def test_none_is_sent_where_nothing_can_be_due(messenger: Messenger) -> None:
    work = replace(Deliveries().work, may_be=lambda _session: False)
    WakeUps(messenger, work).send_one(7)
    assert messenger.waiting_messages(Deliver.queue) == 0


def test_rows_are_prepared_while_redis_is_away(messenger: Messenger) -> None:
    messenger.broker.client = redis.Redis(port=9, socket_connect_timeout=0.1)
    deliveries = Deliveries(7)
    wakeups = WakeUps(messenger, deliveries.work)
    assert wakeups.send_missing() == 0
    wakeups.send_one(7)
    assert deliveries.prepared == 1

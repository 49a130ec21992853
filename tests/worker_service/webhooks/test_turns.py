"""Endpoints take turns: a slow one delays only itself, and one that is disabled waits."""

import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import update

from shared.messaging.due_work import WakeUps
from shared.messaging.messages import Queue
from shared.messaging.messenger import Messenger
from shared.models import DeliveryState, WebhookEndpoint
from shared.webhooks.due import due_deliveries, take
from tests.notifications import completed
from tests.raw_server import RawServer, raw_server
from tests.webhooks import deliveries, endpoint
from worker_service.webhooks.sender import Deliveries


def test_a_slow_endpoint_delays_only_itself(
    messenger: Messenger,
    sender: Deliveries,
    receiver: RawServer,
    halting: tuple[Callable[[socket.socket], None], threading.Event],
) -> None:
    say, goes_on = halting
    with raw_server(say) as slow, ThreadPoolExecutor(2) as threads:
        slow_one = endpoint(messenger, slow.url)
        for _ in range(3):
            completed(messenger)
        held = [threads.submit(sender.deliver_one) for _ in range(2)]
        while len(slow.asked) < 2:
            threading.Event().wait(0.01)
        quick_one = endpoint(messenger, receiver.url)
        completed(messenger)
        assert sender.deliver_all() == 1, "two of the slow endpoint are under way, and no more are begun"
        delivered = [one for one in deliveries(messenger) if one.state is DeliveryState.DELIVERED]
        assert [one.endpoint_id for one in delivered] == [quick_one.id]
        goes_on.set()
        assert all(one.result() for one in held)
        assert sender.deliver_all() == 2
    assert len([one for one in deliveries(messenger) if one.endpoint_id == slow_one.id]) == 4


def test_a_disabled_endpoint_is_told_once_it_is_enabled(
    messenger: Messenger, sender: Deliveries, receiver: RawServer
) -> None:
    endpoint(messenger, receiver.url)
    completed(messenger)
    for is_enabled, tried in ((False, 0), (True, 1)):
        with messenger.transaction() as session:
            session.exec(update(WebhookEndpoint).values(enabled=is_enabled))
        assert sender.deliver_all() == tried


def test_who_takes_one_endpoints_delivery_leaves_all_others_to_take(messenger: Messenger) -> None:
    for number in range(2):
        endpoint(messenger, f"https://example.com/{number}")
    completed(messenger)
    with messenger.transaction() as one, messenger.transaction() as other:
        taken = [take(one), take(other)]
    assert {found.endpoint_id for found in taken if found} == {row.endpoint_id for row in deliveries(messenger)}
    assert len(deliveries(messenger)) == 2


def test_a_wake_up_is_owed_for_each_endpoint_that_is_owed_something(messenger: Messenger) -> None:
    wake_ups = WakeUps(messenger, due_deliveries())
    assert wake_ups.send_missing() == 0
    for number in range(2):
        endpoint(messenger, f"https://example.com/{number}")
    completed(messenger)
    assert wake_ups.send_missing() == 2
    assert wake_ups.send_missing() == 0
    assert messenger.waiting_messages(Queue.WEBHOOKS) == 2

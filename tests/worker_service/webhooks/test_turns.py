"""Endpoints take turns: a slow one delays only itself, and one that is disabled waits."""

import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple
from uuid import uuid4

import pytest
from sqlalchemy import func, update
from sqlmodel import col

from shared.messaging.due_work import WakeUps
from shared.messaging.messages import Queue
from shared.messaging.messenger import Messenger
from shared.models import DeliveryState, WebhookDelivery, WebhookEndpoint
from shared.webhooks.due import SLOW_AFTER, Wanted, due_deliveries, take
from tests.notifications import completed
from tests.raw_server import RawServer, raw_server
from tests.webhooks import deliveries, endpoint
from tests.worker_service.waiting import until
from worker_service.webhooks.paces import MOST_KNOWN, Paces
from worker_service.webhooks.sender import THREADS, Deliveries

TOO_LONG_S = SLOW_AFTER.total_seconds() + 1


class Silent(NamedTuple):
    """A server that answers nobody until it is let to, and the threads that try it."""

    server: RawServer
    threads: ThreadPoolExecutor
    answers: threading.Event


@pytest.fixture
def silent(halting: tuple[Callable[[socket.socket], None], threading.Event]) -> Iterator[Silent]:
    say, answers = halting
    with raw_server(say) as server, ThreadPoolExecutor(THREADS) as threads:
        try:
            yield Silent(server, threads, answers)
        finally:
            answers.set()


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


def test_however_many_slow_endpoints_there_are_half_of_the_threads_are_the_others(
    messenger: Messenger, sender: Deliveries, receiver: RawServer, silent: Silent
) -> None:
    for _ in range(THREADS):
        sender.paces.took(endpoint(messenger, silent.server.url).id, TOO_LONG_S)
    completed(messenger)
    quick_one = endpoint(messenger, receiver.url)
    completed(messenger)
    tried = [silent.threads.submit(sender.deliver_all) for _ in range(THREADS)]
    delivered = delivered_meanwhile(messenger)
    assert [one.endpoint_id for one in delivered] == [quick_one.id]
    assert len(silent.server.asked) <= THREADS // 2
    silent.answers.set()
    assert sum(one.result() for one in tried) == 2 * THREADS + 1


def test_however_many_new_endpoints_never_answer_a_thread_is_left_to_who_was_quick(
    messenger: Messenger, sender: Deliveries, receiver: RawServer, silent: Silent
) -> None:
    quick_one = endpoint(messenger, receiver.url)
    completed(messenger)
    assert sender.deliver_all() == 1
    for _ in range(2 * THREADS):
        endpoint(messenger, silent.server.url)
    with messenger.transaction() as session:
        session.exec(update(WebhookEndpoint).where(col(WebhookEndpoint.id) == quick_one.id).values(enabled=False))
    completed(messenger)
    restarted = Deliveries(sender.engine, sender.outgoing, sender.closing)
    tried = [silent.threads.submit(restarted.deliver_all) for _ in range(THREADS)]
    until(lambda: len(silent.server.asked) == THREADS - 1)
    with messenger.transaction() as session:
        session.exec(update(WebhookEndpoint).where(col(WebhookEndpoint.id) == quick_one.id).values(enabled=True))
    completed(messenger)
    tried.append(silent.threads.submit(restarted.deliver_all))
    delivered = delivered_meanwhile(messenger, 2)
    assert {one.endpoint_id for one in delivered} == {quick_one.id}
    assert len(silent.server.asked) == THREADS - 1
    silent.answers.set()
    for one in tried:
        one.result()


def test_a_new_endpoint_waits_for_no_slow_ones(
    messenger: Messenger, sender: Deliveries, receiver: RawServer, silent: Silent
) -> None:
    """Also where another process has found them slow: their rows say so."""
    for _ in range(THREADS):
        endpoint(messenger, silent.server.url)
    completed(messenger)
    with messenger.transaction() as session:
        session.exec(update(WebhookDelivery).values(tries=1, last_ms=20_000, last_tried_at=func.now()))
    tried = [silent.threads.submit(sender.deliver_all) for _ in range(THREADS)]
    until(lambda: len(silent.server.asked) == THREADS // 2)
    new_one = endpoint(messenger, receiver.url)
    completed(messenger)
    tried.append(silent.threads.submit(sender.deliver_all))
    assert [one.endpoint_id for one in delivered_meanwhile(messenger)] == [new_one.id]
    assert len(silent.server.asked) == THREADS // 2
    silent.answers.set()
    for one in tried:
        one.result()


def delivered_meanwhile(messenger: Messenger, count: int = 1) -> list[WebhookDelivery]:
    """What was delivered once so many were."""

    def delivered() -> list[WebhookDelivery]:
        return [one for one in deliveries(messenger) if one.state is DeliveryState.DELIVERED]

    until(lambda: len(delivered()) >= count)
    return delivered()


def test_an_endpoint_is_slow_until_a_try_of_it_is_quick() -> None:
    paces, one = Paces(2), uuid4()
    for seconds, wanted in ((TOO_LONG_S, Wanted(False, False, [], [one])), (0.1, Wanted(False, False, [one], []))):
        paces.took(one, seconds)
        with paces.turn() as first, paces.turn() as second:
            assert (first.wanted, second.wanted) == (Wanted(), wanted)


def test_a_turn_at_a_quick_endpoint_leaves_the_others_all_there_are() -> None:
    paces, one = Paces(2), uuid4()
    paces.took(one, 0.1)
    with paces.turn() as first:
        first.endpoint_id = one
        with paces.turn() as second:
            assert second.wanted == Wanted()


def test_only_so_many_endpoints_are_remembered() -> None:
    paces = Paces(2)
    ids = [uuid4() for _ in range(MOST_KNOWN + 1)]
    for one in ids:
        paces.took(one, TOO_LONG_S)
    assert list(paces.quick) == ids[1:]


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

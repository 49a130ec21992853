"""Where receivers hang, helpers step in: who was never tried waits for a moment and not for their time limit."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest

from shared.messaging.messenger import Messenger
from shared.models import DeliveryState
from tests.notifications import completed
from tests.raw_server import RawServer, raw_server
from tests.webhooks import deliveries, endpoint
from tests.worker_service.waiting import until
from worker_service.webhooks import paces, relief
from worker_service.webhooks.paces import Paces
from worker_service.webhooks.relief import Relief
from worker_service.webhooks.sender import THREADS, Deliveries

SLOW_AFTER = timedelta(seconds=0.2)


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paces, "SLOW_AFTER", SLOW_AFTER)


@contextmanager
def at_work(sender: Deliveries) -> Iterator[None]:
    """All threads of a worker that deliver webhooks."""
    *threads, last = sender.new_threads()
    assert isinstance(last, Relief)
    last.every_s = 0.05
    for thread in (*threads, last):
        thread.start()
    for _ in threads:
        sender.wake()
    try:
        yield
    finally:
        sender.closing.set()
        sender.stop(0)
        for _ in threads:
            sender.wake()
        for thread in (*threads, last):
            thread.join(10)
            assert not thread.is_alive()


def test_a_new_endpoint_does_not_wait_for_ten_new_ones_that_hang(
    messenger: Messenger,
    sender: Deliveries,
    receiver: RawServer,
    halting: tuple[Callable[[socket.socket], None], threading.Event],
) -> None:
    say, go_on = halting
    with raw_server(say) as hangs:
        for _ in range(10):
            endpoint(messenger, hangs.url)
        completed(messenger)
        new_one = endpoint(messenger, receiver.url)
        completed(messenger)
        with at_work(sender):
            until(lambda: receiver.asked)
            assert not go_on.is_set()
            until(lambda: any(one.state is DeliveryState.DELIVERED for one in deliveries(messenger)))
            go_on.set()
            until(lambda: all(one.state is DeliveryState.DELIVERED for one in deliveries(messenger)))
            until(lambda: sender.paces.helpers == 0)
    assert sender.paces.threads == THREADS
    assert len([one for one in deliveries(messenger) if one.endpoint_id == new_one.id]) == 1


def test_a_helper_goes_once_nobody_waits_long() -> None:
    helped = Paces(2)
    begun, asked = threading.Event(), threading.Semaphore(0)

    def deliver(goes_on: Callable[[], bool]) -> None:
        begun.set()
        while goes_on():
            asked.release()

    helping = Relief(helped, threading.Event(), deliver)
    with helped.turn() as turn:
        helping.look()
        assert not begun.is_set()
        turn.began_at -= 2 * SLOW_AFTER.total_seconds()
        helping.look()
        assert begun.wait(10)
        assert (helped.helpers, helped.threads) == (1, 3)
        helping.look()
        assert helped.helpers == 1, "one for each that waits"
    until(lambda: helped.helpers == 0)
    assert helped.threads == 2


def test_there_are_only_so_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relief, "MOST_HELPERS", 2)
    helped, ends = Paces(6), threading.Event()

    def deliver(_goes_on: Callable[[], bool]) -> None:
        ends.wait(20)

    helping = Relief(helped, threading.Event(), deliver)
    with helped.turn() as one, helped.turn() as two, helped.turn() as three:
        for turn in (one, two, three):
            turn.began_at -= 2 * SLOW_AFTER.total_seconds()
        helping.look()
        until(lambda: helped.helpers == 2)
        helping.look()
        assert helped.helpers == 2
        ends.set()
        until(lambda: helped.helpers == 0)


def test_no_room_for_a_thread_is_no_end(sender: Deliveries, monkeypatch: pytest.MonkeyPatch) -> None:
    tried = threading.Event()

    def look(_: Relief) -> None:
        if tried.is_set():
            sender.closing.set()
        tried.set()
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(Relief, "look", look)
    thread = Relief(sender.paces, sender.closing, sender.try_all, every_s=0.01)
    thread.start()
    thread.join(10)
    assert tried.is_set()
    assert not thread.is_alive()

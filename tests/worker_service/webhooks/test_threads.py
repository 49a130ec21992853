"""A worker's threads deliver when they are woken, and let go in time when it stops."""

import socket
import threading
import time

from shared.messaging.messenger import Messenger
from shared.models import DeliveryState
from shared.webhooks.due import take
from tests.notifications import completed
from tests.raw_server import RawServer, raw_server
from tests.webhooks import TAKEN, endpoint, only
from worker_service.delivering.threads import DeliveryThread
from worker_service.webhooks.sender import Deliveries


def test_a_woken_thread_delivers(messenger: Messenger, sender: Deliveries, receiver: RawServer) -> None:
    endpoint(messenger, receiver.url)
    threads = [DeliveryThread(sender, number) for number in range(2)]
    for thread in threads:
        thread.start()
    completed(messenger)
    sender.wake()
    while not receiver.asked:
        threading.Event().wait(0.01)
    sender.closing.set()
    for _ in threads:
        sender.wake()
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()


def under_way(server: RawServer) -> None:
    while not server.asked:
        time.sleep(0.01)


def test_what_is_under_way_when_the_worker_stops_ends(messenger: Messenger, sender: Deliveries) -> None:
    go = threading.Event()

    def late(connection: socket.socket) -> None:
        go.wait(20)
        connection.sendall(TAKEN)

    with raw_server(late) as server:
        endpoint(messenger, server.url)
        completed(messenger)
        thread = DeliveryThread(sender, 0)
        thread.start()
        under_way(server)
        sender.closing.set()
        stopping = threading.Thread(target=sender.stop, args=(20,))
        stopping.start()
        go.set()
        stopping.join(30)
        thread.join(30)
    assert (only(messenger).state, only(messenger).tries) == (DeliveryState.DELIVERED, 1)


def test_what_does_not_end_in_time_is_due_at_once_as_if_it_had_not_been_tried(
    messenger: Messenger, sender: Deliveries, silent: RawServer
) -> None:
    endpoint(messenger, silent.url)
    completed(messenger)
    thread = DeliveryThread(sender, 0)
    thread.start()
    under_way(silent)
    sender.closing.set()
    sender.stop(0)
    thread.join(30)
    found = only(messenger)
    assert (found.state, found.tries, found.claimed_until) == (DeliveryState.PENDING, 0, None)
    with messenger.transaction() as session:
        assert take(session) is not None, "it is due now"

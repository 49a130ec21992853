"""A delivery that was made while the database is away is written down once it is back, and not made again."""

import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine
from structlog.testing import capture_logs

from shared.messaging.messenger import Messenger
from shared.models import DeliveryState
from tests.notifications import completed
from tests.raw_server import raw_server
from tests.refusing import refusing
from tests.webhooks import deliveries, endpoint
from tests.worker_service.waiting import until
from worker_service.webhooks.sender import Deliveries


@pytest.mark.parametrize("state", ["57P01", "25006", "42501"])
def test_what_was_delivered_meanwhile_is_delivered_once(
    messenger: Messenger,
    engine: Engine,
    sender: Deliveries,
    halting: tuple[Callable[[socket.socket], None], threading.Event],
    state: str,
) -> None:
    say, goes_on = halting
    with raw_server(say) as server, ThreadPoolExecutor(1) as threads:
        endpoint(messenger, server.url)
        completed(messenger)
        trying = threads.submit(sender.deliver_all)
        until(lambda: server.asked)
        with capture_logs() as logs, refusing(engine, "webhook_deliveries", state=state):
            goes_on.set()
            until(lambda: [line for line in logs if line["event"] == "database.unavailable"])
        assert trying.result(20) == 1
        assert len(server.asked) == 1
    assert [one.state for one in deliveries(messenger)] == [DeliveryState.DELIVERED]

"""What delivers, and what is delivered to."""

import socket
import threading
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Engine

from shared.outgoing.allowed import allowed_by
from shared.outgoing.exchange import Outgoing
from tests.raw_server import RawServer, raw_server
from tests.webhooks import TAKEN
from worker_service.webhooks.sender import Deliveries


@pytest.fixture
def sender(engine: Engine) -> Iterator[Deliveries]:
    """What a worker's threads share. This machine may be asked."""
    closing = threading.Event()
    yield Deliveries(engine, Outgoing(allowed_by(["127.0.0.1"])), closing)
    closing.set()


@pytest.fixture
def receiver() -> Iterator[RawServer]:
    with raw_server(TAKEN) as server:
        yield server


@pytest.fixture
def halting() -> Iterator[tuple[Callable[[socket.socket], None], threading.Event]]:
    goes_on = threading.Event()

    def say(connection: socket.socket) -> None:
        goes_on.wait(60)
        connection.sendall(TAKEN)

    yield say, goes_on
    goes_on.set()


@pytest.fixture
def silent() -> Iterator[RawServer]:
    """A receiver that takes a request, and says nothing to it until it is let go."""

    def wait(_connection: socket.socket) -> None:
        server.left.wait(20)

    with raw_server(wait) as server:
        yield server

"""What delivers, and what is delivered to."""

import threading
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from shared.outgoing.allowed import allowed_by
from shared.outgoing.exchange import Outgoing
from tests.raw_server import RawServer, answer, raw_server
from worker_service.webhooks.sender import Deliveries


@pytest.fixture
def sender(engine: Engine) -> Iterator[Deliveries]:
    """What a worker's threads share. This machine may be asked."""
    closing = threading.Event()
    yield Deliveries(engine, Outgoing(allowed_by(["127.0.0.1"])), closing)
    closing.set()


@pytest.fixture
def receiver() -> Iterator[RawServer]:
    with raw_server(answer(b"thanks")) as server:
        yield server

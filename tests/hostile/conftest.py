"""The API on a port of its own, so that requests arrive exactly as they are written."""

import http.client
import json
import socket
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass

import pytest
from sqlalchemy import Engine

from shared.messaging.messenger import Messenger
from tests.api_service.conftest import new_key
from tests.api_service.serving import Served, served_here
from tests.jobs import ANOTHER_USER, running, submitted

PATIENCE_S = 30.0


@dataclass(frozen=True)
class Target:
    """Where to send, with what key. The job `mine` waits; `other` is another user's."""

    api: Served
    mine: int
    other: int

    def send(self, raw: bytes) -> tuple[int, str | None]:
        """Send bytes. The status of the answer, and the code of the problem in it; 0 if there was no answer."""
        host, _, port = self.api.address.partition(":")
        with closing(socket.create_connection((host, int(port)), timeout=PATIENCE_S)) as connection:
            with suppress(BrokenPipeError, ConnectionResetError):  # it may answer before it has read everything
                connection.sendall(raw)
            answer = http.client.HTTPResponse(connection, method=raw.partition(b" ")[0].decode("latin-1"))
            try:
                answer.begin()
                body = answer.read()
            except (http.client.HTTPException, ConnectionResetError, TimeoutError):
                return 0, None
        if answer.headers.get_content_type() != "application/problem+json":
            return answer.status, None
        return answer.status, json.loads(body or "{}").get("code")


@pytest.fixture
def target(environ: dict[str, str], engine: Engine, messenger: Messenger) -> Iterator[Target]:
    other = running(messenger, user_id=ANOTHER_USER).job.id
    with served_here(environ, new_key(engine)) as api:
        yield Target(api, submitted(messenger), other)

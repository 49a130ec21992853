"""A socket of a client of ComfyUI, and what was told on it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from websockets.sync.client import ClientConnection, connect

from tests.api_service.serving import PATIENCE_S

Told = tuple[str, dict[str, Any]]


class Listening:
    """What a socket was told, in order. Binary frames are kept apart."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.told: list[Told] = []
        self.previews: list[bytes] = []

    def next(self) -> Told:
        while isinstance(frame := self.socket.recv(timeout=PATIENCE_S), bytes):
            self.previews.append(frame)
        assert frame.startswith('{"type":')
        message = json.loads(frame)
        self.told.append((message["type"], message["data"]))
        return self.told[-1]

    def until_done(self, prompt_id: str) -> list[Told]:
        """Everything up to the last word of a prompt."""
        while self.next() != ("executing", {"node": None, "prompt_id": prompt_id}):
            pass
        return self.told

    def until_status(self, remaining: int) -> None:
        while True:
            kind, data = self.next()
            if kind == "status" and data["status"]["exec_info"]["queue_remaining"] == remaining:
                return

    def kinds(self, prompt_id: str) -> list[str]:
        """The kinds of the messages about a prompt, but for how far its nodes are."""
        return [
            kind for kind, data in self.told if data.get("prompt_id") == prompt_id and not kind.startswith("progress")
        ]


@contextmanager
def listening(address: str, client_id: str, **headers: str) -> Iterator[Listening]:
    """`address` is host, port and whatever comes before `/ws`."""
    with connect(f"ws://{address}/ws?clientId={client_id}", additional_headers=headers) as socket:
        yield Listening(socket)

"""A client's WebSocket, read frame by frame."""

import json
import struct
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.simulator.running import RunningSimulator

FRAME_SECONDS = 20.0


@dataclass(frozen=True)
class Binary:
    """A binary frame, taken apart."""

    event: int
    image_type: int | None
    metadata: dict[str, Any] | None
    image: bytes


@dataclass(frozen=True)
class Closed:
    """The end of a socket: 1006 if nobody said goodbye."""

    code: int


class Listener:
    """One open socket."""

    def __init__(self, simulator: RunningSimulator, client_id: str | None, *, origin: str | None = None) -> None:
        query = "" if client_id is None else f"?clientId={client_id}"
        headers = {"Origin": origin} if origin else None
        self._open = ExitStack()
        self.connection: ClientConnection = self._open.enter_context(
            connect(
                f"ws://127.0.0.1:{simulator.port}/ws{query}",
                additional_headers=headers,
                compression=None,
                max_size=None,
                ping_interval=None,
                proxy=None,
            )
        )

    def next(self, within: float = FRAME_SECONDS) -> dict[str, Any] | Binary | Closed:
        """The next frame; TimeoutError if none comes."""
        try:
            frame = self.connection.recv(timeout=within)
        except ConnectionClosed as closed:
            return Closed(closed.rcvd.code if closed.rcvd else 1006)
        return json.loads(frame) if isinstance(frame, str) else _taken_apart(frame)

    def next_event(self) -> tuple[str, dict[str, Any]]:
        """The next frame, which is a message: its type and data."""
        frame = self.next()
        assert isinstance(frame, dict), frame
        return frame["type"], frame["data"]

    def until(self, event: str, **facts: Any) -> list[tuple[str, dict[str, Any]]]:
        """Messages up to and with the first of that type whose data holds these facts; pictures are left out."""
        seen: list[tuple[str, dict[str, Any]]] = []
        while True:
            frame = self.next()
            if isinstance(frame, Binary):
                continue
            assert isinstance(frame, dict), f"{frame} after {[name for name, _ in seen]}"
            seen.append((frame["type"], frame["data"]))
            if frame["type"] == event and facts.items() <= frame["data"].items():
                return seen

    def silent(self, seconds: float = 0.05) -> bool:
        """Whether nothing comes for a moment. Use after an event that would have brought something."""
        try:
            frame = self.next(within=seconds)
        except TimeoutError:
            return True
        return isinstance(frame, Closed)

    def send(self, text: str) -> None:
        self.connection.send(text)

    def close(self) -> None:
        self._open.close()


@contextmanager
def listening(simulator: RunningSimulator, client_id: str | None = None) -> Iterator[Listener]:
    listener = Listener(simulator, client_id)
    try:
        yield listener
    finally:
        listener.close()


def _taken_apart(frame: bytes) -> Binary:
    (event,) = struct.unpack(">I", frame[:4])
    if event not in (1, 4) or len(frame) < 8:
        return Binary(event, None, None, frame[4:])
    (number,) = struct.unpack(">I", frame[4:8])
    if event == 4:
        return Binary(event, None, json.loads(frame[8 : 8 + number]), frame[8 + number :])
    return Binary(event, number, None, frame[8:])

"""The WebSocket says when to look into the history, and how far a prompt is; only the history says how it ended."""

import json
import threading
import time
from types import TracebackType
from typing import Protocol, Self
from urllib.parse import urlencode, urlsplit

import structlog
from websockets.exceptions import InvalidHandshake, WebSocketException

from shared.configuration.credentials import NoToken, headers_for
from shared.configuration.server_urls import ServerUrl, server_url
from worker_service.comfyui.bounded_socket import BoundedConnection, Upgrade
from worker_service.comfyui.frames import Cached, Ended, NodeStates, Preview, read_frame
from worker_service.comfyui.socket_health import SocketHealth

log = structlog.get_logger(__name__)

OPEN_S = 5
CLOSE_S = 1.0  # how long a server may take to say goodbye
LOOK_UP_S = 0.2
RECONNECT_S = (0.2, 0.5, 1, 2, 5)
STEADY_S = 5.0  # a connection that lived for less was of no use, and the next try waits longer
FLAGS = json.dumps({"type": "feature_flags", "data": {"supports_preview_metadata": True}})


class Listener(Protocol):
    """Hears of one prompt. Neither method may wait: a socket that is not read holds up ComfyUI."""

    def look(self, *, in_a_moment: bool) -> None:
        """The prompt may have ended: the history says so now, or `in_a_moment`."""

    def receive(self, frame: Cached | NodeStates | Preview) -> None:
        """Take in how far the prompt is."""


class ProgressSocket:
    """Listens for one prompt in a thread of its own, and always reads: a reader that stalls blocks all clients.

    The client id is the prompt's own, so that whoever adopts the prompt hears the rest of it. A connection is closed
    before the next one opens: where two overlap, the second goes silent when the first one closes.
    """

    def __init__(self, url: str, prompt_id: str, listener: Listener, health: SocketHealth | None = None) -> None:
        self.url = url if isinstance(url, ServerUrl) else server_url(url)
        self.address = socket_address(self.url.name, client_id=prompt_id)
        self.health = health or SocketHealth(self.url.name)
        self.prompt_id = prompt_id
        self.listener = listener
        self.connected = threading.Event()
        self.tried = threading.Event()  # it is connected, or will not be at once
        self.closing = threading.Event()
        self.connection: BoundedConnection | None = None
        self.dropped = 0
        self.thread = threading.Thread(target=self.run, name=f"progress-{prompt_id}", daemon=True)

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connection, and see that it is closed: the next worker opens one under the same client id."""
        self.closing.set()
        if self.connection is not None:
            self.connection.close()
        self.thread.join(CLOSE_S)

    def wait(self, within_s: float) -> None:
        """Return once it is open, or is not expected to be."""
        if self.health.problem is None:
            self.tried.wait(within_s)

    def run(self) -> None:
        failures = 0
        if self.health.problem is not None:
            self.closing.wait(self.health.pause_s(0))
        while not self.closing.is_set():
            began_at = time.monotonic()
            try:
                self.connect_and_listen()
            except (InvalidHandshake, TimeoutError, NoToken) as error:
                self.health.failed(error)
                self.tried.set()
            except (OSError, WebSocketException) as error:
                log.debug("progress.disconnected", error=str(error))
            self.note_dropped()
            self.connected.clear()
            # ComfyUI does not repeat what it said meanwhile: the history knows whether the prompt has ended.
            self.listener.look(in_a_moment=False)
            if time.monotonic() - began_at > STEADY_S:
                failures = 0
            self.closing.wait(self.health.pause_s(RECONNECT_S[min(failures, len(RECONNECT_S) - 1)]))
            failures += 1

    def connect_and_listen(self) -> None:
        with Upgrade(
            self.address,
            additional_headers=headers_for(self.url),
            open_timeout=OPEN_S,
            close_timeout=CLOSE_S,
            max_size=None,
            compression=None,
            create_connection=BoundedConnection,
        ) as connection:
            assert isinstance(connection, BoundedConnection)
            self.connection = connection
            connection.send(FLAGS)
            self.health.opened()
            self.connected.set()
            self.tried.set()
            self.listen(connection)

    def note_dropped(self) -> None:
        """Say how many messages of a connection were too large, now that it has ended."""
        if self.connection is not None and self.connection.dropped:
            self.dropped += self.connection.dropped
            log.warning(
                "progress.dropped",
                prompt_id=self.prompt_id,
                messages=self.dropped,
                larger_than_bytes=BoundedConnection.most_bytes,
            )
            self.connection.reader.dropped = 0

    def listen(self, connection: BoundedConnection) -> None:
        """Read until closed, or broken off. Silence is no reason to leave: a long node says nothing."""
        while not self.closing.is_set():
            try:
                frame = read_frame(connection.recv(timeout=LOOK_UP_S), self.prompt_id)
            except TimeoutError:
                continue
            match frame:
                case None:
                    pass
                case Ended(is_written):
                    self.listener.look(in_a_moment=not is_written)
                case _:
                    self.listener.receive(frame)


def socket_address(url: str, *, client_id: str) -> str:
    parts = urlsplit(url)
    scheme = "wss" if parts.scheme == "https" else "ws"
    path = f"{parts.path.rstrip('/')}/ws"
    return parts._replace(scheme=scheme, path=path, query=urlencode({"clientId": client_id})).geturl()

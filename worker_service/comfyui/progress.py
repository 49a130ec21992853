"""The WebSocket says when to look into the history, and how far a prompt is; only the history says how it ended."""

import json
import threading
from types import TracebackType
from typing import Protocol, Self
from urllib.parse import urlencode, urlsplit

import structlog
from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from worker_service.comfyui.frames import Cached, Ended, NodeStates, Preview, read_frame

log = structlog.get_logger(__name__)

LARGEST_FRAME = 64 * 1024 * 1024  # previews of 8 MB were measured
OPEN_S = 5
CLOSE_S = 1.0  # how long a server may take to say goodbye
LOOK_UP_S = 0.2
RECONNECT_S = (0.2, 0.5, 1, 2, 5)
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

    def __init__(self, url: str, prompt_id: str, listener: Listener) -> None:
        self.address = socket_address(url, client_id=prompt_id)
        self.prompt_id = prompt_id
        self.listener = listener
        self.connected = threading.Event()
        self.closing = threading.Event()
        self.connection: ClientConnection | None = None
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

    def run(self) -> None:
        failures = 0
        while not self.closing.is_set():
            try:
                with connect(
                    self.address, open_timeout=OPEN_S, close_timeout=CLOSE_S, max_size=LARGEST_FRAME, compression=None
                ) as connection:
                    failures = 0
                    self.connection = connection
                    connection.send(FLAGS)
                    self.connected.set()
                    self.listen(connection)
            except (OSError, WebSocketException, TimeoutError) as error:
                log.debug("progress.disconnected", error=str(error))
            self.connected.clear()
            # ComfyUI does not repeat what it said meanwhile: the history knows whether the prompt has ended.
            self.listener.look(in_a_moment=False)
            self.closing.wait(RECONNECT_S[min(failures, len(RECONNECT_S) - 1)])
            failures += 1

    def listen(self, connection: ClientConnection) -> None:
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

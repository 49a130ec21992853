"""The WebSocket is a hint of when to look and how far a prompt is; the history is the truth, whatever becomes of it."""

import json
import threading
from types import TracebackType
from typing import Self
from urllib.parse import urlencode, urlsplit

import structlog
from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from worker_service.comfyui.frames import Ended, read_frame
from worker_service.run.mailbox import Mailbox, Signal

log = structlog.get_logger(__name__)

LARGEST_FRAME = 64 * 1024 * 1024  # previews of 8 MB were measured
OPEN_S = 5
CLOSE_S = 1.0  # how long a server may take to say goodbye
LOOK_UP_S = 0.2
RECONNECT_S = (0.2, 0.5, 1, 2, 5)
FLAGS = json.dumps({"type": "feature_flags", "data": {"supports_preview_metadata": True}})


class ProgressSocket:
    """Listens for one prompt in a thread of its own, and always reads: a reader that stalls blocks all clients.

    The client id is the prompt's own, so that whoever adopts the prompt hears the rest of it. A connection is closed
    before the next one opens: where two overlap, the second goes silent when the first one closes.
    """

    def __init__(self, url: str, prompt_id: str, mailbox: Mailbox) -> None:
        self.address = socket_address(url, client_id=prompt_id)
        self.prompt_id = prompt_id
        self.mailbox = mailbox
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
            # What was said meanwhile is not said again: the history knows whether it has ended.
            self.mailbox.signal(Signal.LOOK)
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
                    self.mailbox.signal(Signal.LOOK if is_written else Signal.LOOK_SOON)
                case _:
                    self.mailbox.tell(frame)


def socket_address(url: str, *, client_id: str) -> str:
    parts = urlsplit(url)
    scheme = "wss" if parts.scheme == "https" else "ws"
    path = f"{parts.path.rstrip('/')}/ws"
    return parts._replace(scheme=scheme, path=path, query=urlencode({"clientId": client_id})).geturl()

"""A WebSocket on which a message that is too large is passed over while it arrives, and the rest is heard.

The library's own bound closes the connection at the first such message: the progress of the job would be lost, and
each connection after it.
"""

import socket
import ssl
from collections.abc import Callable, Generator, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit

from websockets.client import ClientProtocol
from websockets.frames import CONT, DATA_OPCODES, TEXT, Frame
from websockets.protocol import Event
from websockets.streams import StreamReader
from websockets.sync.client import ClientConnection, reconnect

OPEN_S = 5
CLOSE_S = 1.0  # how long a server may take to say goodbye


class PassingReader(StreamReader):
    """Hands on nothing in place of what has more than `most_bytes`, and counts it."""

    def __init__(self, most_bytes: int) -> None:
        super().__init__()
        self.most_bytes = most_bytes
        self.dropped = 0

    def read_exact(self, n: int) -> Generator[None, None, bytearray]:
        if n <= self.most_bytes:
            return (yield from super().read_exact(n))
        self.dropped += 1
        left = n
        while left > len(self.buffer):
            left -= len(self.buffer)
            self.buffer.clear()
            if self.eof:
                raise EOFError(f"stream ends {left} bytes before the end of a message")
            yield
        del self.buffer[:left]
        return bytearray()


class BoundedConnection(ClientConnection):
    """A connection that holds no message of more than `most_bytes`, in however many frames it comes.

    Once it has a `hearer`, messages that begin go to that, in the thread that reads them: to hand each over to another
    thread, as `recv` does, takes longer than to read it. It may not wait.
    """

    most_bytes = 4 * 1024 * 1024
    hearer: Callable[[str | bytes], None] | None = None

    def __init__(self, sock: socket.socket, protocol: ClientProtocol, **options: Any) -> None:
        self.reader = PassingReader(self.most_bytes)
        self.held = 0
        self.message: Message | None = None  # that is on its way to the hearer
        # The library has no door for another reader: its parser begins again with this one.
        protocol.reader = self.reader
        protocol.parser = protocol.parse()
        next(protocol.parser)
        super().__init__(sock, protocol, **options)

    @property
    def dropped(self) -> int:
        """How many messages were too large."""
        return self.reader.dropped

    def process_event(self, event: Event) -> None:
        if isinstance(event, Frame) and event.opcode in DATA_OPCODES:
            before = self.held if event.opcode is CONT else 0
            self.held = before + len(event.data)
            if self.held > self.most_bytes:
                self.reader.dropped += before <= self.most_bytes
                event.data = b""
            if self.is_heard(event):
                return
        super().process_event(event)

    def is_heard(self, frame: Frame) -> bool:
        """Whether a frame belongs to a message for the hearer, who gets it once it is whole."""
        if self.hearer is None:
            return False
        if frame.opcode is not CONT:
            self.message = Message(frame.opcode is TEXT, bytearray())
        if self.message is None:  # it began before there was a hearer
            return False
        self.message.content.extend(frame.data)
        if frame.fin:
            message, self.message = self.message, None
            self.hearer(message.text() if message.is_text else bytes(message.content))
        return True


class Message(NamedTuple):
    """What has come of a message so far."""

    is_text: bool
    content: bytearray

    def text(self) -> str:
        return self.content.decode(errors="replace")


class Upgrade(reconnect):
    """Opens a socket at the very address it is given: who is sent elsewhere would take the token along."""

    def process_redirect(self, exc: Exception) -> Exception:
        return exc


def opened(address: str, headers: Mapping[str, str], tls: ssl.SSLContext | None) -> Upgrade:
    """A socket for a `with` block. `tls` is what a certificate is held to, by default what this machine trusts."""
    return Upgrade(
        address,
        additional_headers=headers,
        open_timeout=OPEN_S,
        close_timeout=CLOSE_S,
        max_size=None,
        compression=None,
        create_connection=BoundedConnection,
        ssl=tls if address.startswith("wss:") else None,
    )


def socket_address(url: str, *, client_id: str) -> str:
    parts = urlsplit(url)
    scheme = "wss" if parts.scheme == "https" else "ws"
    path = f"{parts.path.rstrip('/')}/ws"
    return parts._replace(scheme=scheme, path=path, query=urlencode({"clientId": client_id})).geturl()

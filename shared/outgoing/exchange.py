"""One request to a server that a user has named, guarded: never into our own networks, and bounded in bytes and time.

No redirect is followed, no proxy and no credentials of this machine are used, and the answer is not unpacked.
"""

import http.client
import io
import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from shared.outgoing.allowed import Allowed
from shared.outgoing.connecting import Resolve, addresses_of, connected, resolved_here
from shared.outgoing.deadline import Deadline
from shared.outgoing.destination import Destination, destination_of
from shared.outgoing.failures import NoAnswer

PIECE = 256 * 1024  # bytes
SENT_AT_ONCE = 16 * 1024
LARGEST_HEAD = 1024**2  # bytes that may come before the body, with all interim answers
INTERIM = range(100, 200)  # such as 102 and 103: what is asked for comes after them
SWITCHING = 101  # comes after no other answer
AGENT = "genonaut-generation"


@dataclass(frozen=True)
class Asked:
    """A request: `headers` come beside those that each request has. A body is sent as it is."""

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


class Answer:
    """An answer as it comes. `headers` have their names in lower case; of several the last counts."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self._response = response
        self.status_code = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}

    @property
    def said_bytes(self) -> int | None:
        """How many bytes its body has, as far as it says so."""
        return self._response.length

    def pieces(self) -> Iterator[bytes]:
        """The body, in pieces as they come. Raises NoAnswer, also for one that ends too soon."""
        left = self.said_bytes
        with reasons():
            while piece := self._response.read1(PIECE):
                left = None if left is None else left - len(piece)
                yield piece
        if left:
            raise NoAnswer("broke off in the middle")

    def beginning(self, most: int) -> tuple[bytes, NoAnswer | None]:
        """The first bytes of the body, and why no more of these came."""
        found = bytearray()
        try:
            for piece in self.pieces():
                found += piece
                if len(found) >= most:
                    break
        except NoAnswer as reason:
            return bytes(found[:most]), reason
        return bytes(found[:most]), None


class Outgoing:
    """Asks servers that users have named. Safe to use from several threads; each call may block."""

    def __init__(
        self, allowed: Allowed, *, tls: ssl.SSLContext | None = None, resolve: Resolve = resolved_here
    ) -> None:
        self.allowed = allowed
        self.given_tls = tls
        self.resolve = resolve

    @cached_property
    def tls(self) -> ssl.SSLContext:
        """Made when it is first needed: to read this machine's certificates takes some 50 ms, and few processes ask."""
        return self.given_tls or ssl.create_default_context()

    def check(self, url: str) -> Destination:
        """See whether the URL is one that may be asked, by what it says. Raises NotAllowed."""
        return destination_of(url, self.allowed)

    @contextmanager
    def ask(self, asked: Asked, deadline: Deadline) -> Iterator[Answer]:
        """Send the request, and read the head of the answer. Raises NotAllowed, NoAnswer."""
        destination = self.check(asked.url)
        addresses = addresses_of(destination, self.allowed, self.resolve, deadline)
        tls = self.tls if destination.is_encrypted else None
        with connected(addresses, destination, tls, deadline) as connection:
            bounded = Bounded(connection, deadline)
            with http.client.HTTPResponse(bounded, method=asked.method) as response:  # type: ignore[arg-type]
                with reasons():
                    send(connection, head_of(asked, destination) + asked.body, deadline)
                    read_head(response)
                bounded.most = None
                yield Answer(response)


def head_of(asked: Asked, destination: Destination) -> bytes:
    headers = {
        "Host": destination.authority,
        "User-Agent": AGENT,
        "Accept-Encoding": "identity",
        "Connection": "close",
        **({"Content-Length": str(len(asked.body))} if asked.body or asked.method != "GET" else {}),
        **asked.headers,
    }
    lines = [f"{asked.method} {destination.target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def send(connection: socket.socket, content: bytes, deadline: Deadline) -> None:
    view = memoryview(content)
    while view:
        connection.settimeout(min(10.0, deadline.left_s()))
        view = view[connection.send(view[:SENT_AT_ONCE]) :]


def read_head(response: http.client.HTTPResponse) -> None:
    """Read the head of the answer. Python passes over 100, and takes the other interim ones for the answer."""
    response.begin()
    while response.status in INTERIM and response.status != SWITCHING:
        response.headers = None  # type: ignore[assignment]  # or it has begun already
        response.begin()


class Bounded(io.RawIOBase):
    """A connection as http.client wants it. It reads what has come, and waits for it in small steps, so that it can be
    given up: one deadline bounds it all. `most` are the bytes that may be read, if that is bounded too."""

    def __init__(self, connection: socket.socket, deadline: Deadline) -> None:
        self.connection = connection
        self.deadline = deadline
        self.most: int | None = LARGEST_HEAD

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(self, PIECE)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while True:
            self.connection.settimeout(self.deadline.next_wait_s())
            try:
                return self.counted(self.connection.recv_into(buffer))
            except TimeoutError:
                continue

    def counted(self, length: int) -> int:
        if self.most is not None:
            self.most -= length
            if self.most < 0:
                raise NoAnswer("gave no answer that is whole and HTTP")
        return length


@contextmanager
def reasons() -> Iterator[None]:
    """What goes wrong with a connection, as NoAnswer."""
    try:
        yield
    except http.client.HTTPException as error:
        raise NoAnswer("gave no answer that is whole and HTTP") from error
    except (OSError, ValueError) as error:
        raise NoAnswer("broke off the connection") from error

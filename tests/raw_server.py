"""A server on 127.0.0.1 that says, byte for byte, what a test has it say to each connection."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

Say = Callable[[socket.socket], None]
Play = Callable[[socket.socket, bytes], None]  # with what came of the request: its head, and the beginning of its body
Prepare = Callable[[socket.socket], socket.socket]


@dataclass
class RawServer:
    """`asked` has the head and the beginning of the body of each request, as they came."""

    port: int
    asked: list[bytes] = field(default_factory=list)
    left: threading.Event = field(default_factory=threading.Event)  # set at the end; whoever drags on waits for it

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def raw_server(say: Say | bytes, prepare: Prepare | None = None) -> Iterator[RawServer]:
    """Says the same to everybody, after the head of the request. `prepare` takes each connection first, for TLS."""

    def play(connection: socket.socket, _heard: bytes) -> None:
        if isinstance(say, bytes):
            connection.sendall(say)
        else:
            say(connection)

    with playing(play, prepare) as server:
        yield server


@contextmanager
def playing(play: Play, prepare: Prepare | None = None) -> Iterator[RawServer]:
    """`play` is called in a thread for each connection, once the head of the request has come."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = RawServer(listener.getsockname()[1])

    def serve_one(connection: socket.socket) -> None:
        with suppress(OSError), (prepare or (lambda same: same))(connection) as ready:
            heard = b""
            while b"\r\n\r\n" not in heard and (more := ready.recv(65536)):
                heard += more
            server.asked.append(heard)
            play(ready, heard)

    def serve() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=serve_one, args=(connection,), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield server
    finally:
        server.left.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def answer(body: bytes, status: str = "200 OK", **headers: str) -> bytes:
    """An answer with this body and its length."""
    said = {"Content-Length": str(len(body)), **{name.replace("_", "-"): value for name, value in headers.items()}}
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in said.items() if value), "", ""]
    return "\r\n".join(lines).encode() + body

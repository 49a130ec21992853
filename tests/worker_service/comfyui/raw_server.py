"""A server that says to each connection whatever bytes a test wants, after the request has come."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

Play = Callable[[socket.socket, bytes], None]


@contextmanager
def raw_server(play: Play) -> Iterator[str]:
    """Its URL. `play` is called in a thread for each connection, with what came until the first blank line."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, args=(listener, play), daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)


def accept(listener: socket.socket, play: Play) -> None:
    with suppress(OSError):  # the listener is closed
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=answer, args=(connection, play), daemon=True).start()


def answer(connection: socket.socket, play: Play) -> None:
    with connection, suppress(OSError):  # whoever asked has heard enough
        heard = b""
        while b"\r\n\r\n" not in heard:
            heard += connection.recv(65536) or b"\r\n\r\n"
        play(connection, heard)


def says(head: str, body: bytes = b"") -> Play:
    """An answer of one piece: status line and headers, and its body."""
    return lambda connection, _: connection.sendall(head.replace("\n", "\r\n").encode() + b"\r\n\r\n" + body)

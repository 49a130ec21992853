"""A ComfyUI that says to each connection whatever bytes a test wants, after the request has come."""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.raw_server import Play, playing

__all__ = ["Play", "raw_server", "says"]


@contextmanager
def raw_server(play: Play) -> Iterator[str]:
    """Its URL."""
    with playing(play) as server:
        yield server.url


def says(head: str, body: bytes = b"") -> Play:
    """An answer of one piece: status line and headers, and its body."""
    return lambda connection, _: connection.sendall(head.replace("\n", "\r\n").encode() + b"\r\n\r\n" + body)

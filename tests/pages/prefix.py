"""A proxy that has this service below a path of its own, as an operator's may: one connection for each request."""

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

from tests.raw_server import playing

KEPT = re.compile(rb"^connection: keep-alive\r\n", re.IGNORECASE | re.MULTILINE)


@contextmanager
def behind_prefix(url: str, prefix: str, *, takes_away: bool = True) -> Iterator[str]:
    """The URL of the service as it is seen through the proxy, which takes its path away or passes it on."""
    upstream = urlsplit(url)

    def play(client: socket.socket, heard: bytes) -> None:
        method, _, rest = heard.partition(b" ")
        inner = rest.removeprefix(prefix.encode()) if takes_away else rest
        if not rest.startswith(prefix.encode()):
            client.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            return
        with socket.create_connection((upstream.hostname or "", upstream.port or 80)) as service:
            service.sendall(KEPT.sub(b"Connection: close\r\n", method + b" " + inner))
            threading.Thread(target=pass_on, args=(client, service), daemon=True).start()
            pass_on(service, client)

    with playing(play) as proxy:
        yield f"{proxy.url}{prefix}"


def pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while some := source.recv(65536):
            target.sendall(some)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)

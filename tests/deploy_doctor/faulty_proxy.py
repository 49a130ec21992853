"""A proxy that does to requests and answers what proxies do that nobody has set up with care."""

import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from tests.pages.prefix import KEPT, pass_on
from tests.raw_server import answer, playing

NOT_FOUND = answer(b"<h1>Not Found</h1>", "404 Not Found", Content_Type="text/html", Connection="close")
Edit = Callable[[bytes], bytes]


def as_it_is(head: bytes) -> bytes:
    return head


@dataclass(frozen=True)
class Fault:
    """`asks` and `says` change the head of a request and of its answer. `refuses` answers itself what it takes for one
    of its own. `gathers` keeps an answer, and `hoards` an upload, until all of it is there."""

    asks: Edit = as_it_is
    says: Edit = as_it_is
    refuses: Callable[[bytes], bytes | None] = lambda _head: None
    gathers: bool = False
    hoards: bool = False


@contextmanager
def faulty(url: str, prefix: str, fault: Fault) -> Iterator[str]:
    """The URL of the service below `prefix`, which is passed on."""
    upstream = urlsplit(url)

    def play(client: socket.socket, heard: bytes) -> None:
        head, _, body = heard.partition(b"\r\n\r\n")
        if refusal := fault.refuses(head):
            client.sendall(refusal)
            return
        if fault.hoards and (length := re.search(rb"(?im)^content-length: (\d+)", head)):
            while len(body) < int(length[1]) and (more := client.recv(65536)):
                body += more
        with socket.create_connection((upstream.hostname or "", upstream.port or 80)) as service:
            asked = KEPT.sub(b"Connection: close\r\n", fault.asks(head) + b"\r\n\r\n")
            if b"upgrade" not in asked.lower() and b"connection: close" not in asked.lower():
                asked = asked.replace(b"\r\n", b"\r\nConnection: close\r\n", 1)
            service.sendall(asked + body)
            threading.Thread(target=pass_on, args=(client, service), daemon=True).start()
            said = b""
            while goes_on(said, fault) and (some := service.recv(65536)):
                said += some
            first, _, rest = said.partition(b"\r\n\r\n")
            client.sendall(fault.says(first) + b"\r\n\r\n" + rest)
            pass_on(service, client)

    with playing(play) as proxy:
        yield f"{proxy.url}{prefix}"


def goes_on(said: bytes, fault: Fault) -> bool:
    """Whether more is waited for, before what was said is passed on."""
    return b"\r\n\r\n" not in said or (fault.gathers and b" 101 " not in said[:20])

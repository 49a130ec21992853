"""An HTTP client whose requests end at their deadline, however slowly their bytes come.

The timeouts of httpx begin anew with each byte: a server that sends one every few seconds would hold its caller for
ever, in the headers of an answer as much as in its body.
"""

import ssl
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import httpcore
import httpx

SocketOption = tuple[int, int, int] | tuple[int, int, bytes | bytearray] | tuple[int, int, None, int]


class Deadline(threading.local):
    """When the request that this thread makes must have ended, and how long that was when it was set."""

    ends_at: float | None = None
    within_s: float = 0.0

    @contextmanager
    def of(self, within_s: float) -> Iterator[None]:
        self.extend(within_s)
        try:
            yield
        finally:
            self.ends_at = None

    def extend(self, within_s: float) -> None:
        """The request has this long from now."""
        self.ends_at, self.within_s = time.monotonic() + within_s, within_s

    def shorten(self, timeout_s: float | None) -> float | None:
        """The timeout of the next wait. Raises httpcore.ReadTimeout where there is no time left."""
        if self.ends_at is None:
            return timeout_s
        left_s = self.ends_at - time.monotonic()
        if left_s <= 0:
            raise httpcore.ReadTimeout(f"it takes longer than {self.within_s:g} s")
        return left_s if timeout_s is None else min(timeout_s, left_s)


class TimedStream(httpcore.NetworkStream):
    """A connection that waits no longer than the deadline allows."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: Deadline) -> None:
        self.stream = stream
        self.deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        try:
            return self.stream.read(max_bytes, self.deadline.shorten(timeout))
        except httpcore.ReadTimeout:
            self.deadline.shorten(None)  # says so where it was the deadline that ended this
            raise

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.stream.write(buffer, self.deadline.shorten(timeout))

    def close(self) -> None:
        self.stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        secured = self.stream.start_tls(ssl_context, server_hostname, self.deadline.shorten(timeout))
        return TimedStream(secured, self.deadline)

    def get_extra_info(self, info: str) -> Any:
        return self.stream.get_extra_info(info)


class TimedBackend(httpcore.NetworkBackend):
    """Opens connections that heed the deadline."""

    def __init__(self, backend: httpcore.NetworkBackend, deadline: Deadline) -> None:
        self.backend = backend
        self.deadline = deadline

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[SocketOption] | None = None,
    ) -> httpcore.NetworkStream:
        timeout = self.deadline.shorten(timeout)
        return TimedStream(self.backend.connect_tcp(host, port, timeout, local_address, socket_options), self.deadline)

    def sleep(self, seconds: float) -> None:
        self.backend.sleep(seconds)


def timed_client(deadline: Deadline, **options: Any) -> httpx.Client:
    """A client whose connections heed the deadline of their thread. It is asked by `answer_to`.

    httpx has no door for this: the connections are opened by what its transports, those of proxies too, have inside.
    """
    client = httpx.Client(**options)
    for transport in (client._transport, *client._mounts.values()):
        if isinstance(transport, httpx.HTTPTransport):
            pool = transport._pool
            pool._network_backend = TimedBackend(pool._network_backend, deadline)
    return client


def answer_to(request: httpx.Request, client: httpx.Client) -> httpx.Response:
    """The answer, whose body is yet to be read, whatever it says. The client's own way, with redirects, cookies and
    more that nobody wants here, takes a third of the time of a request."""
    return client._transport_for_url(request.url).handle_request(request)

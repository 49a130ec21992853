"""The head of an answer goes out with the beginning of its body, in one write: each write is a call of the system."""

import asyncio
from collections.abc import Callable
from typing import Any

from api_service.http.server.transport.hearing_out import hear_out

HEAD = b"HTTP/1."  # what a head begins with


class OneWrite:
    """A transport that keeps the head of an answer back for what follows it at once; for no longer than that.

    Where `is_sent_more` when it is to be closed, that is heard out first. Everything else is done by the transport
    itself.
    """

    def __init__(
        self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop, is_sent_more: Callable[[], bool]
    ) -> None:
        self.transport = transport
        self.loop = loop
        self.is_sent_more = is_sent_more
        self.is_closed = False
        self.head = b""

    def write(self, data: bytes) -> None:
        if self.head:
            self.head, data = b"", self.head + data
        elif data.startswith(HEAD):
            self.head = data
            self.loop.call_soon(self.flush)  # nothing may follow for long, as where events are streamed
            return
        self.transport.write(data)

    def flush(self) -> None:
        """Send what was kept back."""
        if self.head:
            self.head, data = b"", self.head
            self.transport.write(data)

    def close(self) -> None:
        """Close it. Who asks for the second time gets it at once."""
        self.flush()
        is_open = not self.is_closed and not self.transport.is_closing()
        if is_open and self.is_sent_more() and self.transport.can_write_eof():
            hear_out(self.transport)
        else:
            self.transport.close()
        self.is_closed = True

    def is_closing(self) -> bool:
        return self.is_closed or self.transport.is_closing()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.transport, name)

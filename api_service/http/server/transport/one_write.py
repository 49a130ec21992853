"""The head of an answer goes out with the beginning of its body, in one write: each write is a call of the system."""

import asyncio
from typing import Any

HEAD = b"HTTP/1."  # what a head begins with


class OneWrite:
    """A transport that keeps the head of an answer back for what follows it at once; for no longer than that.

    Everything else is done by the transport itself.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self.transport = transport
        self.loop = loop
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
        self.flush()
        self.transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.transport, name)

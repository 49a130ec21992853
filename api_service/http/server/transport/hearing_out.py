"""Who is answered before all of a body has come is heard out: what still comes is dropped until it ends.

A connection that is closed with something unread is reset, and the reset overtakes the answer: a proxy in front then
says 502 in the place of what was answered.
"""

import asyncio

MOST_HEARD = 64 * 1024**2  # bytes; who sends more is cut off


class HearingOut(asyncio.Protocol):
    """The protocol of a connection on which everything was said. Its end is told to the one that was there before."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self.transport = transport
        self.before = transport.get_protocol()
        self.left = MOST_HEARD

    def data_received(self, data: bytes) -> None:
        self.left -= len(data)
        if self.left < 0:
            self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self.before.connection_lost(exc)


def hear_out(transport: asyncio.Transport) -> None:
    """Say that nothing more is said, and close once nothing more comes. Whoever calls this bounds how long it takes."""
    transport.set_protocol(HearingOut(transport))
    transport.resume_reading()
    transport.write_eof()

"""A TCP link that can be slowed, stalled, cut or closed, with real connections on both of its sides."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

Result = TypeVar("Result")

CHUNK = 64 * 1024
DONE_WITHIN_S = 10.0


class Link:
    """Forwards what comes to `port` to a port of this machine, until it is closed. Its methods are for any thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop, target: int) -> None:
        self.loop = loop
        self.target = target
        self.port = 0
        self.latency_s = 0.0
        self.flowing = asyncio.Event()
        self.server: asyncio.Server | None = None
        self.writers: set[asyncio.StreamWriter] = set()
        self.pumps: set[asyncio.Task[None]] = set()

    def slow(self, seconds: float) -> None:
        """Every chunk that passes takes so much longer; 0 as it was."""
        self.latency_s = seconds

    def stall(self) -> None:
        """Nothing passes any more; connections stay open, and new ones are taken."""
        self.loop.call_soon_threadsafe(self.flowing.clear)

    def flow(self) -> None:
        """What was held back passes."""
        self.loop.call_soon_threadsafe(self.flowing.set)

    def cut(self) -> None:
        """Break every connection off; new ones are taken."""
        self.loop.call_soon_threadsafe(self._cut)

    def refuse(self) -> None:
        """Listen no more, as a machine on which the server has ended, and break every connection off."""
        self._wait(self._refuse())

    def listen(self) -> None:
        """Take connections, on the same port as before."""
        self._wait(self._listen())

    def close(self) -> None:
        self._wait(self._close())

    def _wait(self, deed: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(deed, self.loop).result(DONE_WITHIN_S)

    async def _listen(self) -> None:
        if self.server is None:
            self.flowing.set()
            self.server = await asyncio.start_server(self._take, "127.0.0.1", self.port)
            self.port = self.server.sockets[0].getsockname()[1]

    async def _refuse(self) -> None:
        if self.server is not None:
            server, self.server = self.server, None
            # asyncio loses a connection that it has accepted when its server closes (CPython's issue 109564).
            for listener in server.sockets:
                self.loop.remove_reader(listener.fileno())
            await asyncio.sleep(0)
            server.close()
        self._cut()

    async def _close(self) -> None:
        await self._refuse()
        for pump in self.pumps:
            pump.cancel()
        await asyncio.gather(*self.pumps, return_exceptions=True)

    def _cut(self) -> None:
        for writer in self.writers:
            writer.transport.abort()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.server is None:  # it was accepted as this began to refuse
            writer.transport.abort()
            return
        self.writers.add(writer)
        try:
            there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            self.writers.discard(writer)
            writer.transport.abort()
            return
        self.writers.add(there_writer)
        for source, sink in ((reader, there_writer), (there_reader, writer)):
            pump = asyncio.create_task(self._pump(source, sink))
            self.pumps.add(pump)
            pump.add_done_callback(self.pumps.discard)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        """Pass on what comes from one side, then that it has ended."""
        try:
            while chunk := await source.read(CHUNK):
                if self.latency_s:
                    await asyncio.sleep(self.latency_s)
                await self.flowing.wait()
                sink.write(chunk)
                await sink.drain()
        except OSError:
            sink.transport.abort()
        finally:
            self.writers.discard(sink)
            with suppress(OSError):
                sink.close()


@contextmanager
def links() -> Iterator[Callable[[int], Link]]:
    """Gives what makes a link to a port. All of them are closed at the end of the block."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="links", daemon=True)
    thread.start()
    made: list[Link] = []

    def make(target: int) -> Link:
        link = Link(loop, target)
        link.listen()
        made.append(link)
        return link

    try:
        yield make
    finally:
        for link in made:
            link.close()
        loop.call_soon_threadsafe(loop.stop)
        thread.join(DONE_WITHIN_S)
        loop.close()

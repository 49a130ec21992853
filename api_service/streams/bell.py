"""A watch that is told no events, only that there may be something new: the rows say what."""

import asyncio
from contextlib import suppress

from api_service.streams.watch import Holder, StreamEnded, Watch
from shared.messaging.events import Event


class Bell(Watch):
    """Rings when a job of its user has ended, and when somebody says that its user was told something."""

    def __init__(self, missed: asyncio.Event, holder: Holder | None = None) -> None:
        super().__init__(missed, holder)
        self.started = True
        self.rang = asyncio.Event()

    def offer(self, event: Event) -> None:
        if event.type.is_final:
            self.ring()

    def ring(self) -> None:
        self.rang.set()

    def end(self, why: StreamEnded) -> None:
        super().end(why)
        self.rang.set()

    async def rings_within(self, seconds: float) -> bool:
        """Whether it rang in this time, or since it was last asked. Raises StreamEnded."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.rang.wait()
        has_rung = self.rang.is_set()
        self.rang.clear()
        if self.why:
            raise self.why
        return has_rung

    async def rings_after(self, least_s: float, most_s: float) -> None:
        """Let so much time pass at least, however often it rings, and then no more than is left until it has rung.
        Raises StreamEnded as soon as the stream is to end."""
        now = asyncio.get_running_loop().time
        began, has_rung = now(), False
        while (left_s := began + least_s - now()) > 0:
            has_rung = await self.rings_within(left_s) or has_rung
        if not has_rung:
            await self.rings_within(max(0.0, began + most_s - now()))


class TaskBell(Bell):
    """Rings when a task of its user is another than before."""

    def offer(self, event: Event) -> None:
        """Jobs are nothing to it."""

    def ring(self) -> None:
        """News are nothing to it."""

    def ring_of_tasks(self) -> None:
        self.rang.set()

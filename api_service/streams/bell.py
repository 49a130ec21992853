"""A watch that is told no events, only that its user may have been told something: the rows say what."""

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
        self.ring()

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

"""One answer serves everybody who asks within a moment, so that a question costs the same however many ask it."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class OneAnswer(Generic[T]):
    """The last answer, kept for `kept_s`. For one event loop."""

    def __init__(self, find: Callable[[], Awaitable[T]], kept_s: float) -> None:
        self.find = find
        self.kept_s = kept_s
        self.finding: asyncio.Task[T] | None = None
        self.found_at = 0.0

    async def get(self) -> T:
        """The answer that is there or on its way, or else a new one. Raises what `find` raises."""
        if self.finding is None or (self.finding.done() and time.monotonic() - self.found_at >= self.kept_s):
            self.finding = asyncio.create_task(self.look())
        # Whoever hangs up does not take the answer from the others.
        return await asyncio.shield(self.finding)

    async def look(self) -> T:
        try:
            return await self.find()
        finally:
            self.found_at = time.monotonic()

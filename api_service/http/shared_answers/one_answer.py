"""One answer serves everybody who asks within a moment, so that a question costs the same however many ask it."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")

LONGEST_KEPT_S = 30.0  # because it took long to find


class OneAnswer(Generic[T]):
    """The last answer, kept for `kept_s`, or for `rest` times as long as it took to find, but no longer than
    `LONGEST_KEPT_S` for that. For one event loop."""

    def __init__(
        self,
        find: Callable[[], Awaitable[T]],
        kept_s: float,
        *,
        rest: float = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.find = find
        self.kept_s = kept_s
        self.rest = rest
        self.clock = clock
        self.finding: asyncio.Task[T] | None = None
        self.kept_until = 0.0

    async def get(self) -> T:
        """The answer that is there or on its way, or else a new one. Raises what `find` raises."""
        if self.finding is None or (self.finding.done() and self.clock() >= self.kept_until):
            self.finding = asyncio.create_task(self.look())
        # Whoever hangs up does not take the answer from the others.
        return await asyncio.shield(self.finding)

    async def look(self) -> T:
        began_at = self.clock()
        try:
            return await self.find()
        finally:
            now = self.clock()
            self.kept_until = now + max(self.kept_s, min(self.rest * (now - began_at), LONGEST_KEPT_S))

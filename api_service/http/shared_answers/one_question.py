"""Who asks what is being asked already waits for that answer: many requests at once cost one question."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class OneQuestion(Generic[K, V]):
    """Asks for one key once at a time. For one event loop, and for what may be as old as the question that is on its
    way: nothing is kept once it was answered."""

    def __init__(self, ask: Callable[[K], Awaitable[V]]) -> None:
        self.ask = ask
        self.asking: dict[K, asyncio.Task[V]] = {}

    async def answer(self, key: K) -> V:
        """What asking says. Raises what asking raises."""
        task = self.asking.get(key)
        if task is None:
            task = self.asking[key] = asyncio.create_task(self.asked(key))
            task.add_done_callback(is_heard)
        return await asyncio.shield(task)  # whoever hangs up does not take the answer from the others

    async def asked(self, key: K) -> V:
        try:
            return await self.ask(key)
        finally:
            del self.asking[key]


def is_heard(task: asyncio.Task[V]) -> None:
    """All who asked may have gone: then nobody takes its error."""
    if not task.cancelled():
        task.exception()

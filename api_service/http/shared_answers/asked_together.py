"""Many clients that ask for one thing each, ten times a second, are answered by few questions to the database."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Hashable, Mapping
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

GATHERED_FOR_S = 0.005  # nobody who asks again and again minds


class AskedTogether(Generic[K, V]):
    """Gathers what is asked for, and asks for it at once. Each answer is of after its question. For one event loop."""

    def __init__(self, ask: Callable[[Collection[K]], Awaitable[Mapping[K, V]]]) -> None:
        self.ask = ask
        self.waiting: dict[K, asyncio.Future[V | None]] = {}
        self.asking: set[asyncio.Task[None]] = set()

    async def answer(self, key: K) -> V | None:
        """What there is for a key; None for nothing. Raises what asking raises."""
        if not self.waiting:
            task = asyncio.create_task(self.ask_soon())
            self.asking.add(task)
            task.add_done_callback(self.asking.discard)
        found = self.waiting.setdefault(key, asyncio.get_running_loop().create_future())
        return await asyncio.shield(found)  # others may wait for the same

    async def ask_soon(self) -> None:
        await asyncio.sleep(GATHERED_FOR_S)
        asked, self.waiting = self.waiting, {}
        try:
            found = await self.ask(list(asked))
        except BaseException as error:
            for future in asked.values():
                future.set_exception(error)
                future.exception()  # whoever asked may have gone
            if not isinstance(error, Exception):
                raise
        else:
            for key, future in asked.items():
                future.set_result(found.get(key))

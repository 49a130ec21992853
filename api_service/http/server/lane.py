"""Threads for one kind of blocking work, so that it waits for no other kind, and no other kind waits for it."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

import anyio
import anyio.to_thread

P = ParamSpec("P")
T = TypeVar("T")


class Lane:
    """So many threads, and who comes when all are busy waits for one."""

    def __init__(self, threads: int) -> None:
        self.limiter = anyio.CapacityLimiter(threads)

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do the work in one of the threads, once one is free."""
        return await anyio.to_thread.run_sync(lambda: work(*args, **kwargs), limiter=self.limiter)

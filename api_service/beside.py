"""What an API does beside its requests, for as long as it runs: each work in a task that is kept going."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from typing import Protocol

import structlog

from shared.database.reads import Reads

log = structlog.get_logger(__name__)

AGAIN_AFTER_S = 1.0
REPLICA_LOOKED_AT_S = 1.0
SILENT_AFTER_S = 3.0


class Run(Protocol):
    """Does blocking work in a thread."""

    async def __call__(self, work: Callable[[], None], /) -> None: ...


async def kept_going(work: Callable[[], Awaitable[None]]) -> None:
    """Do the work beside the requests until this is cancelled: an error in it is logged, and it begins again."""
    while True:
        try:
            return await work()
        except Exception:  # whatever it was, streams need this work
            log.exception("task.failed")
        await asyncio.sleep(AGAIN_AFTER_S)


async def stop(tasks: Collection[asyncio.Task[None]]) -> None:
    """Cancel tasks until they have ended: one cancel may be swallowed."""
    while still := {task for task in tasks if not task.done()}:
        for task in still:
            task.cancel()
        await asyncio.wait(still, timeout=0.2)


async def watch_replica(reads: Reads, run: Run) -> None:
    """See again and again whether the replica is fit. One that has stopped answers nobody, and is cut off."""
    while True:
        looking = asyncio.ensure_future(run(reads.look))
        try:
            if not (await asyncio.wait({looking}, timeout=SILENT_AFTER_S))[0]:
                reads.give_up()
            await looking
        finally:
            looking.cancel()
        await asyncio.sleep(REPLICA_LOOKED_AT_S)

"""Work beside the requests, for as long as the process serves any."""

import asyncio
from collections.abc import Awaitable, Callable, Collection

import structlog

log = structlog.get_logger(__name__)

AGAIN_AFTER_S = 1.0


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

"""The server becomes what it was when it started, with empty folders: quicker than starting another one."""

import asyncio
import time

from deploy.simulator.running.simulator import Simulator

LOOK_AGAIN_SECONDS = 0.002


async def reset(simulator: Simulator, within: float) -> bool:
    """False if that cannot be: the worker is dead, or does not get done in time."""
    simulator.faults.clear()
    simulator.queue.pending.clear()
    simulator.interrupted.set()
    simulator.dial.hurry()
    end = time.monotonic() + within
    while simulator.worker.busy:
        if time.monotonic() > end or not simulator.worker.alive:
            return False
        await asyncio.sleep(LOOK_AGAIN_SECONDS)
    if not simulator.worker.alive:
        return False
    simulator.queue.forget()
    simulator.queue.empty_cache()
    simulator.counter.upcoming = 0
    simulator.counter.requests.clear()
    simulator.ledger.forget()
    simulator.dial.reset()
    simulator.spoken.reset()
    simulator.stock.folders.emptied()
    simulator.stock.images.clear()
    await simulator.sockets.forget_everybody()
    return True

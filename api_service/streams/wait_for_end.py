"""Waiting until a job has ended: its events say so, or its row does."""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from api_service.jobs.job_queries import JobWithOutputs
from api_service.streams.relay import Relay
from api_service.streams.watch import Holder, JobWatch, KeyEnded, StreamEnded
from shared.models import FINAL, GenerationJob


async def nothing() -> None:
    """Said to who hears nothing before the end."""


class Meanwhile(NamedTuple):
    """What is said each time that nothing has happened for so long."""

    every_s: float | None = None
    say: Callable[[], Awaitable[None]] = nothing


SILENCE = Meanwhile()


async def wait_for_end(
    relay: Relay,
    job_id: int,
    holder: Holder,
    read: Callable[[], Awaitable[JobWithOutputs | None]],
    meanwhile: Meanwhile = SILENCE,
) -> None:
    """Return once the job has ended, or can no longer be followed. `read` reads it, or returns None.

    Raises KeyEnded once the key of the one who waits has ended.
    """
    async with relay.watch(job_id, holder) as watch:
        found = await read()
        if found is not None:
            await follow(watch, found[0], meanwhile)


async def follow(watch: JobWatch, job: GenerationJob, meanwhile: Meanwhile) -> None:
    if job.status in FINAL:
        return
    watch.begin(job.events, None)
    try:
        while True:
            event = await watch.next_within(meanwhile.every_s)
            if event is None:
                await meanwhile.say()
            elif event.type.is_final:
                return
    except KeyEnded:
        raise
    except StreamEnded:
        return

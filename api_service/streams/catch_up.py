"""Events that Redis lost are read from the rows: those of watched jobs, and the jobs that no event announced."""

import asyncio
import contextlib
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol
from uuid import UUID

import structlog
from sqlalchemy.exc import SQLAlchemyError

from api_service.streams.watchers import Watchers
from shared.database.troubles.unavailable import is_unavailable
from shared.messaging.events import Event

log = structlog.get_logger(__name__)

PAUSE_S = 0.05  # between two looks at the rows, so that readers keep up with what the first one brought


class UserJob(NamedTuple):
    """What those who watch all jobs of a user need to know of one."""

    id: int
    user_id: UUID
    completed_at: datetime | None


class Rows(Protocol):
    """What the database knows of events. Both raise SQLAlchemyError."""

    async def events_since(self, known: Mapping[int, int]) -> tuple[Sequence[Event], bool]:
        """The events of these jobs after these sequence numbers, in order, and whether there are more of them."""

    async def jobs_since(self, users: Collection[UUID] | None, since: datetime) -> tuple[datetime, Sequence[UserJob]]:
        """The time, and the new jobs of these users (None: of all) that had not ended by `since`."""


async def catch_up(watchers: Watchers, rows: Rows, missed: asyncio.Event, *, every_s: float) -> None:
    """Send watchers the events they lack: whenever one finds a gap, and every few seconds. Runs until cancelled."""
    while True:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(every_s):
                await missed.wait()
        missed.clear()
        try:
            await discover_jobs(watchers, rows)
            if await fill_gaps(watchers, rows):
                missed.set()
        except SQLAlchemyError as error:
            log.warning("relay.no_rows", error=str(error), exc_info=not is_unavailable(error))
        await asyncio.sleep(PAUSE_S)


async def discover_jobs(watchers: Watchers, rows: Rows) -> None:
    """Show new jobs to those who watch all jobs of a user, in case no event announced them."""
    watching = {
        user_id: begun
        for user_id, watches in watchers.of_user.items()
        if (begun := [watch for watch in watches if watch.since])
    }
    if not watching:
        return
    since = min(watch.since for begun in watching.values() for watch in begun if watch.since)
    users = None if watchers.everybody in watching else [user_id for user_id in watching if user_id]
    now, jobs = await rows.jobs_since(users, since)
    for user_id, begun in watching.items():
        found = {job.id: job.completed_at for job in jobs if user_id in {job.user_id, watchers.everybody}}
        for watch in begun:
            watch.discover(found, now)


async def fill_gaps(watchers: Watchers, rows: Rows) -> bool:
    """Publish the events that the rows have and watchers lack. Returns whether there are more of them."""
    known: dict[int, int] = {}
    for watch in watchers:
        for job_id, sequence in watch.known():
            known[job_id] = min(sequence, known.get(job_id, sequence))
    if not known:
        return False
    events, more = await rows.events_since(known)
    for event in events:
        watchers.publish(event)
    return more

"""Who watches what: single jobs, all jobs of a user, or everybody's jobs; and whose previews somebody asked for."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import TypeVar
from uuid import UUID

from api_service.streams.watch import Watch
from shared.messaging.events import Event
from shared.models import EventType

K = TypeVar("K")

MOST_SEEN = 10_000
RUNS = (EventType.STARTED, EventType.PROCESSING)


class Watchers:
    """The watches of this process. Admins who watch all jobs are listed under `everybody`."""

    everybody = None

    def __init__(self) -> None:
        self.of_job: defaultdict[int, set[Watch]] = defaultdict(set)
        self.of_user: defaultdict[UUID | None, set[Watch]] = defaultdict(set)
        self.of_previews: defaultdict[int, set[Watch]] = defaultdict(set)
        self.somebody_left = asyncio.Event()
        self.seen: set[int] = set()  # the jobs whose end their owner has been handed

    def join(self, watch: Watch, job_ids: Iterable[int], *, previews: bool) -> None:
        for job_id in job_ids:
            self.of_job[job_id].add(watch)
            if previews:
                self.of_previews[job_id].add(watch)

    def leave(self, watch: Watch, job_ids: Iterable[int]) -> None:
        for job_id in job_ids:
            discard(self.of_job, job_id, watch)
            discard(self.of_previews, job_id, watch)
        self.somebody_left.set()

    def join_user(self, watch: Watch, user_id: UUID | None) -> None:
        self.of_user[user_id].add(watch)

    def leave_user(self, watch: Watch, user_id: UUID | None) -> None:
        discard(self.of_user, user_id, watch)
        for job_id in [job_id for job_id, watches in self.of_previews.items() if watch in watches]:
            discard(self.of_previews, job_id, watch)
        self.somebody_left.set()

    def add_previews(self, watch: Watch, job_ids: Iterable[int]) -> None:
        """These jobs run: their previews are for this watch, until they run no more."""
        for job_id in job_ids:
            if job_id not in watch.ended:
                self.of_previews[job_id].add(watch)

    def names_of(self, user_id: UUID) -> set[str]:
        """How those call themselves that watch all jobs of a user, as far as they do."""
        return {watch.name for watch in self.of_user.get(user_id, ()) if watch.name}

    def may_watch(self, job_id: int) -> bool:
        """Whether somebody may watch this job. The job's owner is known only from the event itself."""
        return bool(self.of_user) or job_id in self.of_job

    def publish(self, event: Event) -> None:
        """Offer an event to everybody who watches its job."""
        for watch in self.of(event):
            watch.offer(event)
            if watch.wants_previews and event.type is not EventType.PREVIEW:
                self.turn_previews(watch, event)
        if event.type.is_final and any(is_seen(watch, event) for watch in self.of_job.get(event.job_id, ())):
            self.note_seen(event.job_id)

    def turn_previews(self, watch: Watch, event: Event) -> None:
        """What runs may have previews: on with the first sign that it does, and off with its end."""
        if event.type in RUNS:
            self.add_previews(watch, [event.job_id])
        elif event.type.is_final or event.type is EventType.QUEUED:
            discard(self.of_previews, event.job_id, watch)

    def note_seen(self, job_id: int) -> None:
        if len(self.seen) < MOST_SEEN:  # more than that are not noted while the database is away
            self.seen.add(job_id)

    def ring(self, user_ids: Iterable[UUID]) -> None:
        """These users were told something."""
        for user_id in user_ids:
            for watch in self.of_user.get(user_id, ()):
                watch.ring()

    def ring_of_tasks(self, user_ids: Iterable[UUID]) -> None:
        """Tasks of these users are others than before."""
        for user_id in (*user_ids, self.everybody):
            for watch in self.of_user.get(user_id, ()):
                watch.ring_of_tasks()

    def of(self, event: Event) -> list[Watch]:
        """The watches that an event is for."""
        if event.type is EventType.PREVIEW:
            return list(self.of_previews.get(event.job_id, ()))
        if event.type is EventType.DELETED:
            return [watch for watch in self if not watch.started or event.job_id in watch.positions]
        found = (
            self.of_job.get(event.job_id, ()),
            self.of_user.get(event.user_id, ()),
            self.of_user.get(self.everybody, ()),
        )
        return [watch for watches in found for watch in watches]

    async def all_gone(self) -> None:
        """Wait until nobody watches any more."""
        while self:
            self.somebody_left.clear()
            await self.somebody_left.wait()

    def __iter__(self) -> Iterator[Watch]:
        """Each watch once."""
        groups = (*self.of_job.values(), *self.of_user.values())
        return iter({watch for watches in groups for watch in watches})

    def __bool__(self) -> bool:
        return bool(self.of_job or self.of_user)


def is_seen(watch: Watch, event: Event) -> bool:
    """Whether the owner of the job that ended watches it by this."""
    return watch.started and watch.why is None and watch.holder is not None and watch.holder.user_id == event.user_id


def discard(groups: dict[K, set[Watch]], key: K, watch: Watch) -> None:
    """Take a watch out of a group, and an empty group away."""
    if group := groups.get(key):
        group.discard(watch)
        if not group:
            del groups[key]

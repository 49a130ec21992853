"""One watcher's view of its jobs: each event of a job once, in order, and never more than it can hold."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.messaging.events import Event
from shared.models import LIVE_ONLY, EventType

HELD_PROGRESS = 32  # live events a slow reader may be behind before newer ones are not told
HELD_EVENTS = 2048  # and events before it is given up
LATE = timedelta(minutes=1)  # how late a message of Redis, or a commit, may come


class StreamEnded(Exception):
    """The watcher will be told nothing more, though its jobs have not ended."""


class TooSlow(StreamEnded):
    """The watcher does not read what it is told."""


class ServerStops(StreamEnded):
    """This process stops; another goes on."""


@dataclass(slots=True)
class Place:
    """How far a watcher was told of one job: the events up to `sequence`, and this progress (attempt, tick)."""

    sequence: int = 0
    progress: tuple[int, int] = (0, 0)

    def advance(self, event: Event) -> bool:
        """Whether this is the event that comes next here, or progress that goes further."""
        if event.sequence is not None:
            following = event.sequence == self.sequence + 1
            self.sequence += following
            return following
        if event.type is EventType.PROCESSING:
            reached = (event.attempt, event.tick or 0)
            if reached <= self.progress:
                return False
            self.progress = reached
        return True


class Watch:
    """Take events with `next`. Before `start` says what the snapshot holds, events are kept back.

    A job that the snapshot does not hold is told from its first event on. `missed` is set when an event shows that
    one before it never came. `since` is a moment of the database's clock: every job that is not in `places` and had
    ended by then is of the past, and no news.
    """

    def __init__(self, missed: asyncio.Event) -> None:
        self.missed = missed
        self.places: dict[int, Place] = {}
        self.ended: dict[int, datetime] = {}
        self.since: datetime | None = None
        self.started = False
        self.early: list[Event] = []
        self.queue: asyncio.Queue[Event | None] = asyncio.Queue()
        self.why: StreamEnded | None = None

    def start(self, places: Mapping[int, Place], since: datetime | None = None) -> None:
        """The snapshot includes these jobs, so far; and was taken at `since`."""
        self.places.update(places)
        self.since = since
        self.started = True
        if len(self.early) >= HELD_EVENTS:
            self.missed.set()
        for event in self.early:
            self.offer(event)
        self.early.clear()

    def offer(self, event: Event) -> None:
        """An event was heard of, perhaps not for the first time."""
        if self.why:
            return
        if not self.started:
            if len(self.early) < HELD_EVENTS:
                self.early.append(event)
            return
        place = self.places.get(event.job_id)
        if event.type is EventType.DELETED and (place is None or event.job_id in self.ended):
            return
        if place is None:
            place = self.places[event.job_id] = Place()
        if self.since and event.sequence is None and place.sequence == 0:
            self.missed.set()  # progress of a job whose beginning was not heard
        elif place.advance(event):
            if event.type.is_final:
                self.ended[event.job_id] = event.at
            self.put(event)
        elif event.sequence is not None and event.sequence > place.sequence:
            self.missed.set()

    def put(self, event: Event) -> None:
        held = self.queue.qsize()
        if held >= HELD_EVENTS:
            self.end(TooSlow())
        elif event.type not in LIVE_ONLY or event.type.is_final or held < HELD_PROGRESS:
            self.queue.put_nowait(event)

    def end(self, why: StreamEnded) -> None:
        """Tell nothing more. Who waits for the next event is told why."""
        self.why = self.why or why
        self.queue.put_nowait(None)

    async def next(self) -> Event:
        """The next event. Raises TooSlow once the watcher has fallen too far behind, or ServerStops."""
        if self.why:
            raise self.why
        event = await self.queue.get()
        if event is None:
            assert self.why
            raise self.why
        return event

    def known(self) -> Iterable[tuple[int, int]]:
        """The jobs of which more is to come, each with the sequence number it has reached here."""
        return ((job_id, place.sequence) for job_id, place in self.places.items() if job_id not in self.ended)

    def discover(self, jobs: Mapping[int, datetime | None], now: datetime) -> None:
        """Jobs as the rows have them now, with the moment each ended: new ones are to be told from their first event.

        Jobs of which nothing can come any more are forgotten.
        """
        assert self.since
        for job_id, completed_at in jobs.items():
            if job_id not in self.places and (completed_at is None or completed_at > self.since):
                self.places[job_id] = Place()
        self.since = now
        for job_id in [job_id for job_id, at in self.ended.items() if at < now - LATE]:
            del self.ended[job_id], self.places[job_id]


class JobWatch(Watch):
    """A watch of one job."""

    def __init__(self, job_id: int, missed: asyncio.Event) -> None:
        super().__init__(missed)
        self.job_id = job_id

    def begin(self, sequence: int, progress: Event | None) -> None:
        """The snapshot includes the job's events up to `sequence`, and this progress."""
        self.start({self.job_id: place_at(sequence, progress)})


def place_at(sequence: int, progress: Event | None) -> Place:
    return Place(sequence, (progress.attempt, progress.tick or 0) if progress else (0, 0))

"""One watcher's view of its jobs: each event of a job once, in order, and never more than it can hold."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from shared.messaging.events import Event
from shared.models import LIVE_ONLY, EventType

HELD_PROGRESS = 32  # live events a slow reader may be behind before it misses newer ones
HELD_EVENTS = 2048  # events a slow reader may be behind before its stream ends
LATE = timedelta(minutes=1)  # how late a message of Redis, or a commit, may come


class StreamEnded(Exception):
    """The watcher gets no more events, though its jobs have not ended."""


class TooSlow(StreamEnded):
    """The watcher does not read its events."""


class ServerStops(StreamEnded):
    """This process stops; another goes on."""


class KeyEnded(StreamEnded):
    """The key that the stream was opened with was revoked, or has expired."""


class Resumed(StreamEnded):
    """The client has resumed the stream on another connection."""


class Holder(NamedTuple):
    """The right by which a stream is open: a key, and the ticket that stood in for it, if there was one."""

    key_id: str
    ticket_hash: bytes | None = None
    connection: int = 0  # the newest connection of a ticket is the only one that lives
    user_id: UUID | None = None  # whose key it is


@dataclass(slots=True)
class WatchPosition:
    """How far a watcher has come with one job: the events up to `sequence`, and this progress (attempt, tick)."""

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

    A job that the snapshot does not hold is watched from its first event on. `missed` is set when an event shows that
    one before it never came. `since` is a moment of the database's clock: a job that is not in `positions` and had
    ended by then is history: its events are not sent. `name` is how its client calls itself, where it does. Where it
    `wants_previews`, it is given those of each of its jobs while that runs.
    """

    def __init__(self, missed: asyncio.Event, holder: Holder | None = None) -> None:
        self.missed = missed
        self.holder = holder
        self.name: str | None = None
        self.wants_previews = False
        self.positions: dict[int, WatchPosition] = {}
        self.ended: dict[int, datetime] = {}
        self.since: datetime | None = None
        self.started = False
        self.early: list[Event] = []
        self.queue: asyncio.Queue[Event | None] = asyncio.Queue()
        self.why: StreamEnded | None = None

    def start(self, positions: Mapping[int, WatchPosition], since: datetime | None = None) -> None:
        """The snapshot includes these jobs, up to these positions; it was taken at `since`."""
        self.positions.update(positions)
        self.since = since
        self.started = True
        if len(self.early) >= HELD_EVENTS:
            self.missed.set()
        for event in self.early:
            self.offer(event)
        self.early.clear()

    def offer(self, event: Event) -> None:
        """Queue an event if it is the next one of its job. The same event may be offered several times."""
        if self.why:
            return
        if not self.started:
            if len(self.early) < HELD_EVENTS:
                self.early.append(event)
            return
        position = self.positions.get(event.job_id)
        if event.type is EventType.DELETED and (position is None or event.job_id in self.ended):
            return
        if position is None:
            position = self.positions[event.job_id] = WatchPosition()
        if self.since and event.sequence is None and position.sequence == 0:
            self.missed.set()  # progress of a job whose first event did not come
        elif position.advance(event):
            if event.type.is_final:
                self.ended[event.job_id] = event.at
            self.put(event)
        elif event.sequence is not None and event.sequence > position.sequence:
            self.missed.set()

    def put(self, event: Event) -> None:
        held = self.queue.qsize()
        if held >= HELD_EVENTS:
            self.end(TooSlow())
        elif event.type not in LIVE_ONLY or event.type.is_final or held < HELD_PROGRESS:
            self.queue.put_nowait(event)

    def end(self, why: StreamEnded) -> None:
        """Queue nothing more, and raise this from `next`. The first reason counts."""
        self.why = self.why or why
        self.queue.put_nowait(None)

    def ring(self) -> None:
        """Its user was told something. Nothing to who follows jobs."""

    def ring_of_tasks(self) -> None:
        """A task of its user is another than before. Nothing to who follows jobs."""

    async def next(self) -> Event:
        """The next event. Raises StreamEnded: TooSlow once the watcher has fallen too far behind, or another."""
        if self.why:
            raise self.why
        event = await self.queue.get()
        if event is None:
            assert self.why
            raise self.why
        return event

    async def next_within(self, seconds: float | None) -> Event | None:
        """The next event; None if there was none in this time, if it has an end. Raises StreamEnded."""
        try:
            async with asyncio.timeout(seconds):
                return await self.next()
        except TimeoutError:
            return None

    def known(self) -> Iterable[tuple[int, int]]:
        """The jobs that have not ended, each with the sequence number it has reached here."""
        return ((job_id, position.sequence) for job_id, position in self.positions.items() if job_id not in self.ended)

    def discover(self, jobs: Mapping[int, datetime | None], now: datetime) -> None:
        """Take in jobs that the rows show, with the moment each ended: new ones are watched from their first event.

        Jobs that ended more than a minute ago are forgotten.
        """
        assert self.since
        for job_id, completed_at in jobs.items():
            if job_id not in self.positions and (completed_at is None or completed_at > self.since):
                self.positions[job_id] = WatchPosition()
        self.since = now
        for job_id in [job_id for job_id, at in self.ended.items() if at < now - LATE]:
            del self.ended[job_id], self.positions[job_id]


class JobWatch(Watch):
    """A watch of one job."""

    def __init__(self, job_id: int, missed: asyncio.Event, holder: Holder | None = None) -> None:
        super().__init__(missed, holder)
        self.job_id = job_id

    def begin(self, sequence: int, progress: Event | None) -> None:
        """The snapshot includes the job's events up to `sequence`, and this progress."""
        self.start({self.job_id: position_at(sequence, progress)})


def position_at(sequence: int, progress: Event | None) -> WatchPosition:
    return WatchPosition(sequence, (progress.attempt, progress.tick or 0) if progress else (0, 0))

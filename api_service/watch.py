"""One watcher's view of one job: each event once, in order, and never more than it can hold."""

import asyncio

from shared.events import Event
from shared.models import EventType

HELD_PROGRESS = 32  # live events a slow reader may be behind before newer ones are not told
HELD_EVENTS = 256  # and events before it is given up


class TooSlow(Exception):
    """The watcher does not read what it is told."""


class Watch:
    """Take events with `next`. Before `begin` says what the snapshot holds, events are kept back.

    `missed` is set when an event shows that one before it never came.
    """

    def __init__(self, job_id: int, missed: asyncio.Event) -> None:
        self.job_id = job_id
        self.sequence: int | None = None
        self.missed = missed
        self.progress = (0, 0)
        self.early: list[Event] = []
        self.queue: asyncio.Queue[Event] = asyncio.Queue()
        self.too_slow = False

    def begin(self, sequence: int, progress: Event | None) -> None:
        """The snapshot includes the job's events up to `sequence`, and this progress."""
        self.sequence = sequence
        if progress:
            self.progress = (progress.attempt, progress.tick or 0)
        for event in self.early:
            self.offer(event)
        self.early.clear()

    def offer(self, event: Event) -> None:
        if self.sequence is None:
            self.early.append(event)
        elif event.sequence is None:
            self.offer_live(event)
        elif event.sequence == self.sequence + 1:
            self.sequence = event.sequence
            self.put(event)
        elif event.sequence > self.sequence:
            self.missed.set()

    def offer_live(self, event: Event) -> None:
        position = (event.attempt, event.tick or 0)
        if event.type is EventType.PROCESSING:
            if position <= self.progress:
                return
            self.progress = position
        if self.queue.qsize() < HELD_PROGRESS:
            self.put(event)

    def put(self, event: Event) -> None:
        if self.queue.qsize() >= HELD_EVENTS:
            self.too_slow = True
        else:
            self.queue.put_nowait(event)

    async def next(self) -> Event:
        """The next event. Raises TooSlow once the watcher has fallen too far behind."""
        if self.too_slow:
            raise TooSlow
        return await self.queue.get()

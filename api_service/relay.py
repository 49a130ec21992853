"""One Redis connection tells every watcher of this process, and the rows of `job_events` tell what Redis did not.

A watch subscribes first and reads its snapshot after, so nothing falls between the two; each event of a job is
numbered without a gap, so nothing comes twice, and what is missing is read from the database.
"""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence

import redis.asyncio
import structlog
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from api_service.watch import Watch
from shared.database import is_unavailable
from shared.events import Channels, Event

log = structlog.get_logger(__name__)

CATCH_UP_S = 5.0  # how late an event may come that Redis lost
RECONNECT_S = 1.0
LOOK_UP_S = 5.0
SUBSCRIBED_S = 1.0  # how long a watch waits for Redis before it relies on the rows alone


# The events of these jobs after these sequence numbers, in order.
EventsSince = Callable[[Mapping[int, int]], Awaitable[Sequence[Event]]]


class Relay:
    """Give `run` a task of its own; open a watch for each watcher."""

    def __init__(self, client: redis.asyncio.Redis, channels: Channels) -> None:
        self.client = client
        self.channels = channels
        self.pubsub = client.pubsub()
        self.subscribing = asyncio.Lock()
        self.watches: defaultdict[str, set[Watch]] = defaultdict(set)
        self.subscribed: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self.missed = asyncio.Event()
        self.closed = False

    async def run(self, events_since: EventsSince) -> None:
        """Relay until cancelled; perhaps more than once: redis swallows a cancel that meets it while it connects."""
        await asyncio.gather(self.listen(), self.catch_up(events_since))

    @contextlib.asynccontextmanager
    async def watch(self, job_id: int, *, previews: bool = False) -> AsyncIterator[Watch]:
        """A watch of one job, subscribed as far as Redis is there. Its owner tells it where its snapshot ends."""
        watch = Watch(job_id, self.missed)
        channels = [self.channels.job(job_id)]
        if previews:
            channels.append(self.channels.previews(job_id))
        for channel in channels:
            self.watches[channel].add(watch)
        try:
            await self.subscribe(channels)
            yield watch
        finally:
            for channel in channels:
                self.watches[channel].discard(watch)
            await self.unsubscribe(channels)

    async def last_progress(self, job_id: int) -> Event | None:
        """The last progress that was told of a running job, as far as Redis has it."""
        if self.closed:
            return None
        try:
            kept = await self.client.get(self.channels.progress(job_id))
        except (RedisError, OSError):
            return None
        return Event.model_validate_json(kept) if kept else None

    async def aclose(self) -> None:
        """Close the connections, and open none any more for watchers that are still leaving."""
        self.closed = True
        async with self.subscribing:
            await self.pubsub.aclose()  # type: ignore[no-untyped-call]  # redis leaves this one untyped
        await self.client.aclose()

    async def subscribe(self, channels: Sequence[str]) -> None:
        with contextlib.suppress(RedisError, OSError, TimeoutError):
            async with asyncio.timeout(SUBSCRIBED_S):
                async with self.subscribing:
                    if self.closed:
                        return
                    await self.pubsub.subscribe(*channels)
                for channel in channels:
                    await self.subscribed[channel].wait()

    async def unsubscribe(self, channels: Sequence[str]) -> None:
        with contextlib.suppress(RedisError, OSError, TimeoutError):
            async with asyncio.timeout(SUBSCRIBED_S), self.subscribing:
                # Looked at again under the lock: somebody may have come to watch meanwhile.
                deserted = [channel for channel in channels if not self.watches.get(channel)]
                for channel in deserted:
                    self.watches.pop(channel, None)
                    self.subscribed.pop(channel, None)
                if deserted and not self.closed:
                    await self.pubsub.unsubscribe(*deserted)

    async def listen(self) -> None:
        while True:
            try:
                await self.read()
            except (RedisError, OSError) as error:
                log.warning("relay.disconnected", error=str(error))
            except ValueError:
                log.exception("relay.not_understood")
            for event in self.subscribed.values():
                event.clear()
            await asyncio.sleep(RECONNECT_S)

    async def read(self) -> None:
        """Read one connection until it breaks."""
        await self.pubsub.aclose()  # type: ignore[no-untyped-call]  # redis leaves this one untyped
        # A channel of our own keeps the connection subscribed while nobody watches.
        await self.pubsub.subscribe(self.channels.prefix, *self.watches)
        while True:
            message = await self.pubsub.get_message(timeout=LOOK_UP_S)
            if message is None:
                continue
            channel = message["channel"].decode()
            if message["type"] == "subscribe":
                self.subscribed[channel].set()
                self.missed.set()
            elif message["type"] == "message":
                self.tell(channel, Event.model_validate_json(message["data"]))

    def tell(self, channel: str, event: Event) -> None:
        for watch in tuple(self.watches.get(channel, ())):
            watch.offer(event)

    async def catch_up(self, events_since: EventsSince) -> None:
        """Read the rows that watches lack: when one of them found a gap, and every few seconds anyway."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CATCH_UP_S):
                    await self.missed.wait()
            self.missed.clear()
            if known := self.known():
                try:
                    events = await events_since(known)
                except SQLAlchemyError as error:
                    log.warning("relay.no_rows", error=str(error), exc_info=not is_unavailable(error))
                    continue
                for event in events:
                    self.tell(self.channels.job(event.job_id), event)

    def known(self) -> dict[int, int]:
        """The watched jobs, with the sequence that each watch of theirs has reached at least."""
        known: dict[int, int] = {}
        for watch in {watch for watches in self.watches.values() for watch in watches}:
            if watch.sequence is not None:
                known[watch.job_id] = min(watch.sequence, known.get(watch.job_id, watch.sequence))
        return known

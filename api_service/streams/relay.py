"""One Redis connection brings events to all watchers of this process; what Redis loses is read from `job_events`.

The connection carries the events of all jobs, so watchers come and go without a command to Redis. Each event of a job
is numbered without a gap, so no event comes twice, and a missing one is read from the database.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

import redis.asyncio
import structlog
from pydantic import ValidationError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeout

from api_service.streams.bell import Bell, TaskBell
from api_service.streams.catch_up import Rows, catch_up
from api_service.streams.timings import StreamTimings
from api_service.streams.watch import Holder, JobWatch, ServerStops, Watch
from api_service.streams.watchers import Watchers
from shared.messaging.events import Channels, Event, Events, UserIds

log = structlog.get_logger(__name__)

RECONNECT_S = 1.0
PATIENCE_S = 1.0  # how long a watcher waits for Redis before it relies on the rows alone
LEFT_WITHIN_S = 2.0  # how long a stopping server waits for its watchers to leave


class Relay:
    """Give `run` a task of its own; open a watch for each watcher."""

    def __init__(
        self,
        client: redis.asyncio.Redis,
        channels: Channels,
        timings: StreamTimings,
        heard: Callable[[Event], None] = lambda _: None,
    ) -> None:
        """`heard` is called with each event that Redis brings for a watcher of this process."""
        self.client = client
        self.channels = channels
        self.timings = timings
        self.heard = heard
        self.pubsub = client.pubsub()
        self.watchers = Watchers()
        self.previews: dict[int, asyncio.Event] = {}  # the jobs whose previews are subscribed to, and since when
        self.settled = asyncio.Event()  # it is known whether Redis is there
        self.missed = asyncio.Event()
        self.reading = asyncio.Lock()
        self.listening: asyncio.Task[None] | None = None
        self.stopping = self.closed = False
        self.connected_at = 0.0

    async def run(self, rows: Rows) -> None:
        """Relay events until `stop` was called and this is cancelled."""
        self.listening = asyncio.create_task(self.listen())
        try:
            await catch_up(self.watchers, rows, self.missed, every_s=self.timings.catch_up_s)
        finally:
            with contextlib.suppress(asyncio.CancelledError):
                await self.listening

    @contextlib.asynccontextmanager
    async def watch(
        self, job_id: int, holder: Holder | None = None, *, previews: bool = False
    ) -> AsyncIterator[JobWatch]:
        """A watch of one job. The caller begins it with the position that its snapshot shows."""
        watch = JobWatch(job_id, self.missed, holder)
        async with self.joined(watch, [job_id], previews=previews):
            yield watch

    @contextlib.asynccontextmanager
    async def watch_jobs(
        self, job_ids: Collection[int], holder: Holder | None = None, *, previews: bool = False
    ) -> AsyncIterator[Watch]:
        """A watch of several jobs. The caller starts it with the positions that its snapshot shows."""
        watch = Watch(self.missed, holder)
        async with self.joined(watch, job_ids, previews=previews):
            yield watch

    @contextlib.asynccontextmanager
    async def watch_user(
        self, user_id: UUID | None, holder: Holder | None = None, *, previews: bool = False
    ) -> AsyncIterator[Watch]:
        """A watch of all jobs of a user (None: of everybody), future ones included. The caller starts it with the
        positions that its snapshot shows, and the moment of that snapshot. `previews` are sent of jobs that start."""
        watch = Watch(self.missed, holder)
        watch.wants_previews = previews
        async with self.joined_by_user(watch, user_id):
            yield watch

    @contextlib.asynccontextmanager
    async def bell(self, user_id: UUID, holder: Holder | None = None) -> AsyncIterator[Bell]:
        """What rings when a user may have been told something."""
        bell = Bell(self.missed, holder)
        async with self.joined_by_user(bell, user_id):
            yield bell

    @contextlib.asynccontextmanager
    async def task_bell(self, user_id: UUID | None, holder: Holder | None = None) -> AsyncIterator[TaskBell]:
        """What rings when a task of a user (None: of anybody) is another than before."""
        bell = TaskBell(self.missed, holder)
        async with self.joined_by_user(bell, user_id):
            yield bell

    @contextlib.asynccontextmanager
    async def joined_by_user(self, watch: Watch, user_id: UUID | None) -> AsyncIterator[None]:
        self.watchers.join_user(watch, user_id)
        try:
            await self.admit(watch)
            yield
        finally:
            self.watchers.leave_user(watch, user_id)

    @contextlib.asynccontextmanager
    async def joined(self, watch: Watch, job_ids: Collection[int], *, previews: bool) -> AsyncIterator[None]:
        self.watchers.join(watch, job_ids, previews=previews)
        try:
            await self.admit(watch, job_ids if previews else ())
            yield
        finally:
            self.watchers.leave(watch, job_ids)

    async def admit(self, watch: Watch, previews_of: Collection[int] = ()) -> None:
        """Wait until Redis brings events here; briefly, as it may be away. From then on no event is missed."""
        if self.stopping:
            watch.end(ServerStops())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_S):
                await self.settled.wait()
                for job_id in previews_of:
                    await self.previews.setdefault(job_id, asyncio.Event()).wait()

    async def last_progress(self, *job_ids: int) -> dict[int, Event]:
        """The last progress of each running job, where Redis has it."""
        keys = [self.channels.progress(job_id) for job_id in job_ids]
        try:
            async with asyncio.timeout(PATIENCE_S), self.reading:
                kept = await self.client.mget(keys) if keys and not self.closed else []
        except (RedisError, OSError, TimeoutError):
            return {}
        found = (Event.model_validate_json(one) for one in kept if one)
        return {event.job_id: event for event in found}

    async def stop(self) -> None:
        """The server stops: end every watch with ServerStops, those that still come too."""
        self.stopping = True
        if self.listening:
            # It waits for Redis. redis may swallow a cancel that meets it while it connects: then it ends by itself.
            self.listening.cancel()
        for watch in self.watchers:
            watch.end(ServerStops())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LEFT_WITHIN_S):
                await self.watchers.all_gone()

    async def aclose(self) -> None:
        """Close the connections once `run` has ended. Watchers that are still leaving open none again."""
        self.closed = True
        async with self.reading:
            await self.pubsub.aclose()  # type: ignore[no-untyped-call]  # redis leaves this one untyped
            await self.client.aclose()

    async def listen(self) -> None:
        while not self.stopping:
            try:
                await self.read()
            except (RedisError, OSError) as error:
                log.warning("relay.disconnected", error=str(error))
            finally:
                self.settled.set()
            if not self.stopping:
                await asyncio.sleep(RECONNECT_S)

    async def read(self) -> None:
        """Read one connection until it breaks, or the relay stops. Only this task uses it."""
        await self.pubsub.aclose()  # type: ignore[no-untyped-call]  # redis leaves this one untyped
        followed: set[int] = set()
        self.previews = {job_id: asyncio.Event() for job_id in self.watchers.of_previews}
        self.connected_at = asyncio.get_running_loop().time()
        await self.pubsub.subscribe(*self.channels.shared)
        await self.pubsub.psubscribe(self.channels.every_job)
        while not self.stopping:
            await self.follow_previews(followed)
            message = await self.pubsub.get_message(timeout=self.timings.previews_after_s)
            if message is not None:
                self.take(message)
            elif self.is_silent():
                raise RedisTimeout("no answer to a ping")

    def is_silent(self) -> bool:
        """Whether an answer to a ping is overdue: the redis client sends pings, and does not check for the answers."""
        connection: Any = self.pubsub.connection
        due = max(self.connected_at, connection.next_health_check if connection else 0.0)
        return asyncio.get_running_loop().time() - due > self.timings.redis_silence_s

    async def follow_previews(self, followed: set[int]) -> None:
        """Subscribe to the previews that somebody asked for, and to no others."""
        wanted = self.watchers.of_previews.keys()
        if wanted == followed:
            return
        if new := wanted - followed:
            await self.pubsub.subscribe(*map(self.channels.previews, new))
        if old := followed - wanted:
            await self.pubsub.unsubscribe(*map(self.channels.previews, old))
            for job_id in old:
                self.previews.pop(job_id, None)
        followed ^= new | old

    def take(self, message: Mapping[str, Any]) -> None:
        kind, channel = message["type"], message["channel"].decode()
        if kind == "psubscribe":
            self.settled.set()
            self.missed.set()
        elif kind == "subscribe" and channel not in self.channels.shared:
            self.previews.setdefault(self.channels.job_id(channel), asyncio.Event()).set()
        elif kind in {"message", "pmessage"} and self.watchers:
            self.publish(channel, message["data"])

    def publish(self, channel: str, data: bytes) -> None:
        try:
            if channel == self.channels.notifications:
                return self.watchers.ring(UserIds.validate_json(data))
            if channel == self.channels.tasks:
                return self.watchers.ring_of_tasks(UserIds.validate_json(data))
            for event in self.events_in(channel, data):
                self.heard(event)
                self.watchers.publish(event)
        except ValidationError:
            log.exception("relay.not_understood")

    def events_in(self, channel: str, data: bytes) -> Sequence[Event]:
        """The events of a message that somebody may watch. Raises ValidationError."""
        if channel == self.channels.several_jobs:
            return Events.validate_json(data)
        if self.watchers.may_watch(self.channels.job_id(channel)):
            return [Event.model_validate_json(data)]
        return []

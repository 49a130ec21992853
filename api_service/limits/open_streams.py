"""Streams that are open are entries in Redis that fade unless renewed: a process that dies leaves no count behind."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from uuid import uuid4

import anyio
import redis.asyncio

from api_service.limits.redis_guard import RedisGuard

KEPT_S = 60  # an entry that was not renewed for this long belongs to no stream
RENEWED_S = 20.0
CLOSED_WITHIN_S = 2.0  # a question to Redis takes less, see RedisGuard

# By Redis's clock, and in one step, so that no two streams both take the last place.
OPEN = """
local now = tonumber(redis.call('TIME')[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
if ARGV[2] ~= '' and redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[2]) then
    return 0
end
redis.call('ZADD', KEYS[1], now + tonumber(ARGV[3]), ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[3])
return 1
"""


class OpenStreams:
    """The streams that this process holds open, and the count of them all. Give `run` a task of its own."""

    def __init__(self, client: redis.asyncio.Redis, namespace: str, guard: RedisGuard) -> None:
        self.client = client
        self.script = client.register_script(OPEN)
        self.prefix = f"{namespace}:limits:streams:"
        self.guard = guard
        self.held: dict[str, str] = {}  # stream -> the key it was opened with
        self.asking = 0  # questions that are under way
        self.is_idle = asyncio.Event()
        self.is_closed = False

    @asynccontextmanager
    async def opened(self, key_id: str, most: int | None) -> AsyncIterator[bool]:
        """Whether one more stream may be opened with the key; if so, it counts as open within the block.

        It may if Redis does not answer, and is counted from when that does.
        """
        stream = uuid4().hex
        if await self.ask(stream, key_id, most) == 0:
            yield False
            return
        self.held[stream] = key_id
        try:
            yield True
        finally:
            del self.held[stream]
            # A client that hung up has cancelled this task.
            with anyio.CancelScope(shield=True):
                await self.forget(stream, key_id)

    async def ask(self, stream: str, key_id: str, most: int | None) -> object:
        limit = "" if most is None else most
        with self.may_ask() as may:
            if not may:
                return None
            return await self.guard.ask(self.script(keys=[f"{self.prefix}{key_id}"], args=[stream, limit, KEPT_S]))

    async def forget(self, stream: str, key_id: str) -> None:
        with self.may_ask() as may:
            if may:
                await self.guard.ask(self.client.zrem(f"{self.prefix}{key_id}", stream))

    @contextmanager
    def may_ask(self) -> Iterator[bool]:
        """Whether Redis may be asked within the block. Closed, it would open a connection that nobody closes."""
        self.asking += 1
        self.is_idle.clear()
        try:
            yield not self.is_closed and self.guard.may_ask()
        finally:
            self.asking -= 1
            if not self.asking:
                self.is_idle.set()

    async def aclose(self) -> None:
        """Close the client, once what is asked of it is answered. What is asked later is not: entries fade."""
        self.is_closed = True
        with anyio.move_on_after(CLOSED_WITHIN_S):
            if self.asking:
                await self.is_idle.wait()
        await self.client.aclose()

    async def run(self) -> None:
        """Renew the entries of the streams that are open, until cancelled."""
        while True:
            await asyncio.sleep(RENEWED_S)
            await self.renew()

    async def renew(self) -> None:
        """Renew the entry of every open stream."""
        for stream, key_id in tuple(self.held.items()):
            await self.ask(stream, key_id, None)
            if stream not in self.held:  # closed meanwhile, and its entry perhaps made again
                await self.forget(stream, key_id)

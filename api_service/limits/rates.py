"""What a key did lately is counted in Redis, in a window that slides: no burst at the turn of a minute."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import redis.asyncio
from limits import RateLimitItem, RateLimitItemPerHour, RateLimitItemPerMinute
from limits.aio.storage import RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter

from api_service.limits.effective_limits import Limit
from api_service.limits.redis_guard import Patience

WINDOWS: dict[Limit, type[RateLimitItem]] = {
    Limit.REQUESTS_PER_MINUTE: RateLimitItemPerMinute,
    Limit.SUBMISSIONS_PER_HOUR: RateLimitItemPerHour,
}


class Window(NamedTuple):
    """The counts of the window before and of this one, and for how many seconds each still matters.

    Of the window before, as large a part counts as is still within one window's length from now.
    """

    length_s: int
    before: int
    before_s: float
    now: int
    now_s: float

    @property
    def used(self) -> int:
        return math.floor(self.before * self.before_s / self.length_s) + self.now

    def wait_s(self, most: int, cost: int) -> float:
        """How many seconds until `cost` more fit below `most`, if nothing else is asked for meanwhile."""
        if self.used + cost <= most:
            return 0
        spare = most - cost + 1  # the weighted count must fall below this
        if spare <= 0:
            return self.length_s  # they never fit
        if self.now < spare:
            return self.before_s - (spare - self.now) * self.length_s / self.before
        # This window must have become the one before, and have faded far enough.
        return self.now_s + self.length_s * (1 - spare / self.now)


@dataclass(frozen=True)
class Rate:
    """What came of asking for `cost` more: whether they are granted, and what is left after that."""

    limit: Limit
    most: int
    granted: bool
    window: Window
    cost: int

    @property
    def remaining(self) -> int:
        return max(0, self.most - self.window.used)

    @property
    def retry_after_s(self) -> int:
        """Whole seconds after which the same would be granted."""
        return math.floor(self.window.wait_s(self.most, self.cost)) + 1

    @property
    def reset_s(self) -> int:
        """Whole seconds until one more remains than now; 0 if nothing is used."""
        return math.floor(self.window.wait_s(self.most, self.remaining + 1)) + 1 if self.window.used else 0


class RateCounter:
    """Counts what keys do. `client` is for its use alone, and closed with it."""

    def __init__(self, client: redis.asyncio.Redis, namespace: str, patience: Patience) -> None:
        self.storage = RedisStorage(
            "async+redis://",
            implementation="redispy",
            key_prefix=f"{namespace}:limits",
            connection_pool=client.connection_pool,  # type: ignore[arg-type]  # handed on to redis as it is
        )
        self.limiter = SlidingWindowCounterRateLimiter(self.storage)
        self.patience = patience

    async def count(self, limit: Limit, key_id: str, most: int, cost: int = 1) -> Rate | None:
        """Count `cost` more of what the key does, unless they are too many. None while Redis does not answer."""
        return await self.patience.ask(self.hit(limit, key_id, most, cost)) if self.patience.allows() else None

    async def hit(self, limit: Limit, key_id: str, most: int, cost: int) -> Rate:
        item = WINDOWS[limit](most)
        granted = await self.limiter.hit(item, limit, key_id, cost=cost)
        length_s = item.get_expiry()
        before, before_s, now, expires_s = await self.storage.get_sliding_window(item.key_for(limit, key_id), length_s)
        # A count is kept for two windows: the one it is made in, and the one after.
        return Rate(limit, most, granted, Window(length_s, before, before_s, now, max(0, expires_s - length_s)), cost)

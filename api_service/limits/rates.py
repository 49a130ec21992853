"""What a key did lately is counted in Redis, in a window that slides: no burst at the turn of a minute."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import NamedTuple

import redis.asyncio

from api_service.limits.redis_guard import RedisGuard


class Limit(StrEnum):
    """What a key can be limited in. The setting of each is `LIMIT_` and its name."""

    REQUESTS_PER_MINUTE = "requests_per_minute"
    SUBMISSIONS_PER_HOUR = "submissions_per_hour"
    QUEUED_JOBS = "queued_jobs"
    STORED_BYTES = "stored_bytes"
    OPEN_STREAMS = "open_streams"


WINDOWS: Mapping[Limit, timedelta] = {
    Limit.REQUESTS_PER_MINUTE: timedelta(minutes=1),
    Limit.SUBMISSIONS_PER_HOUR: timedelta(hours=1),
}

# Two counts of a key: of this window and of the one before. A count lives for two windows: the one it is made in, and
# the one after. How much longer it lives says which it is, so Redis's clock is the only one.
COUNT = """
local this, before = KEYS[1], KEYS[2]
local most, cost, length = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local left = redis.call('PTTL', this)
if left >= 0 and left <= length then
    redis.call('RENAME', this, before)
    left = -2
end
local count = tonumber(redis.call('GET', this) or 0)
local count_before = tonumber(redis.call('GET', before) or 0)
local left_before = math.max(redis.call('PTTL', before), 0)
local granted = math.floor(count_before * left_before / length) + count + cost <= most
if granted then
    count = redis.call('INCRBY', this, cost)
    if left < 0 then
        left = 2 * length
        redis.call('PEXPIRE', this, left)
    end
end
return {granted and 1 or 0, count_before, left_before, count, math.max(left - length, 0)}
"""


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
    """Counts what keys do: one question to Redis each time."""

    def __init__(self, client: redis.asyncio.Redis, namespace: str, guard: RedisGuard) -> None:
        self.script = client.register_script(COUNT)
        self.prefix = f"{namespace}:limits:rates"
        self.guard = guard

    async def count(self, limit: Limit, key_id: str, most: int, cost: int = 1) -> Rate | None:
        """Count `cost` more of what the key does, unless they are too many. None while Redis does not answer."""
        return await self.guard.ask(self.hit(limit, key_id, most, cost)) if self.guard.may_ask() else None

    async def hit(self, limit: Limit, key_id: str, most: int, cost: int) -> Rate:
        length_s = int(WINDOWS[limit].total_seconds())
        key = f"{self.prefix}:{limit}:{key_id}"
        granted, before, before_ms, now, now_ms = await self.script(
            keys=[key, f"{key}:before"], args=[most, cost, length_s * 1000]
        )
        window = Window(length_s, before, before_ms / 1000, now, now_ms / 1000)
        return Rate(limit, most, bool(granted), window, cost)

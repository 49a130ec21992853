"""What a key did lately is counted in Redis, in a window that slides: no burst at the turn of a minute."""

import math
from collections.abc import Mapping, Sequence
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
    UPLOADS_PER_HOUR = "uploads_per_hour"
    QUEUED_JOBS = "queued_jobs"
    STORED_BYTES = "stored_bytes"
    OPEN_STREAMS = "open_streams"
    PRIORITY = "priority"


WINDOWS: Mapping[Limit, timedelta] = {
    Limit.REQUESTS_PER_MINUTE: timedelta(minutes=1),
    Limit.SUBMISSIONS_PER_HOUR: timedelta(hours=1),
    Limit.UPLOADS_PER_HOUR: timedelta(hours=1),
}

# Each limit has two counts of a key: of this window and of the one before. A count lives for two windows: the one it is
# made in, and the one after. How much longer it lives says which it is, so Redis's clock is the only one. Limits are
# asked in order, until one does not grant its cost. A cost below zero gives back what was counted before.
COUNT = """
local answers = {}
for number = 1, #KEYS / 2 do
    local this, before = KEYS[2 * number - 1], KEYS[2 * number]
    local ask = 3 * number
    local most, cost, length = tonumber(ARGV[ask - 2]), tonumber(ARGV[ask - 1]), tonumber(ARGV[ask])
    local left = redis.call('PTTL', this)
    if left >= 0 and left <= length then
        redis.call('RENAME', this, before)
        left = -2
    end
    local count = tonumber(redis.call('GET', this) or 0)
    local count_before = tonumber(redis.call('GET', before) or 0)
    local left_before = math.max(redis.call('PTTL', before), 0)
    local granted = cost > 0 and math.floor(count_before * left_before / length) + count + cost <= most
    if granted then
        count = redis.call('INCRBY', this, cost)
        if left < 0 then
            left = 2 * length
            redis.call('PEXPIRE', this, left)
        end
    elseif cost < 0 and count + cost >= 0 then
        count = redis.call('INCRBY', this, cost)
    elseif cost < 0 and count_before + cost >= 0 then
        count_before = redis.call('INCRBY', before, cost)
    end
    answers[number] = {granted and 1 or 0, count_before, left_before, count, math.max(left - length, 0)}
    if not granted then
        break
    end
end
return answers
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


class Ask(NamedTuple):
    """What is asked for: `cost` more of what a key may do `most` of in a window; below zero, to give that back."""

    limit: Limit
    most: int
    cost: int = 1


class RateCounter:
    """Counts what keys do: one question to Redis each time."""

    def __init__(self, client: redis.asyncio.Redis, namespace: str, guard: RedisGuard) -> None:
        self.script = client.register_script(COUNT)
        self.prefix = f"{namespace}:limits:rates"
        self.guard = guard

    async def count(self, key_id: str, *asked: Ask) -> list[Rate] | None:
        """Count what is asked for, in order, up to the first that would be too many. None while Redis does not
        answer."""
        return await self.guard.ask(self.hit(key_id, asked)) if self.guard.may_ask() else None

    async def hit(self, key_id: str, asked: Sequence[Ask]) -> list[Rate]:
        keys = [f"{self.prefix}:{ask.limit}:{key_id}" for ask in asked]
        answers = await self.script(
            keys=[name for key in keys for name in (key, f"{key}:before")],
            args=[value for ask in asked for value in (ask.most, ask.cost, length_of(ask.limit) * 1000)],
        )
        return [rate_of(ask, answer) for ask, answer in zip(asked, answers, strict=False)]


def length_of(limit: Limit) -> int:
    """Of the limit's window, in seconds."""
    return int(WINDOWS[limit].total_seconds())


def rate_of(ask: Ask, answer: Sequence[int]) -> Rate:
    granted, before, before_ms, now, now_ms = answer
    window = Window(length_of(ask.limit), before, before_ms / 1000, now, now_ms / 1000)
    return Rate(ask.limit, ask.most, bool(granted), window, ask.cost)

"""When a job may start and end: a moment as likely as not to be kept, and one that nine of ten keep. Pure."""

import heapq
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from shared.jobs.durations.expectation import MEDIAN, MOST, Expectation, beyond

FARTHEST_S = 100 * 365 * 86_400.0  # what a clock that was set made of a job's time adds up to no date otherwise


class Moments(NamedTuple):
    """Half of such jobs keep the first, nine of ten the second."""

    p50: datetime
    p90: datetime


@dataclass(frozen=True)
class Estimate:
    """When the job may start, or has started, and when it may end. None where nothing is known.

    `found` is what it goes by. `began_at` is when the attempt that runs began, by which the end is corrected.
    """

    starts: Moments | None = None
    ends: Moments | None = None
    found: Expectation | None = None
    began_at: datetime | None = None

    def corrected(self, share: float, at: datetime) -> "Estimate":
        """The estimate of a running job of which that share was done then: the more is done, the more counts how long
        that took, and the less how long others took."""
        if self.began_at is None or self.ends is None or not 0 < share <= 1 or at <= self.began_at:
            return self
        so_far = (at - self.began_at).total_seconds()
        usual, most = ((moment - self.began_at).total_seconds() for moment in self.ends)
        total = max(so_far, math.pow(usual, 1 - share) * math.pow(so_far / share, share))
        return replace(self, ends=after(self.began_at, total, total * math.pow(most / usual, 1 - share)))


class Running(NamedTuple):
    """A job in a slot: how long it was expected to take, and has taken, in seconds."""

    expected_s: float
    so_far_s: float

    @property
    def left_s(self) -> float:
        """One that takes longer than expected will go on for a share of what it took."""
        return max(self.expected_s - self.so_far_s, self.so_far_s * (beyond(1 - MEDIAN) - 1))


class Queue(NamedTuple):
    """What is before a job: so many that wait, how long each takes on average, what runs, and the free slots."""

    waiting: int
    seconds: float
    running: Sequence[Running]
    free: int

    @property
    def wait_s(self) -> float:
        """How long it is until a slot is free for the job: each of those before it takes the first that is."""
        slots = [0.0] * self.free + [one.left_s for one in self.running] or [0.0]
        heapq.heapify(slots)
        for _ in range(self.waiting):
            heapq.heapreplace(slots, slots[0] + self.seconds)
        return slots[0]


def of_running(started_at: datetime, began_at: datetime, now: datetime, found: Expectation) -> Estimate:
    """It will take as long as those took that took longer than it has by now."""
    so_far = max(0.0, (now - began_at).total_seconds())
    ends = after(began_at, *(found.quantile(share, so_far) for share in (MEDIAN, MOST)))
    return Estimate(Moments(started_at, started_at), ends, found, began_at)


def of_waiting(now: datetime, found: Expectation, queue: Queue) -> Estimate:
    """It starts once enough of what is before it has ended."""
    usual, most = found.quantile(MEDIAN), found.quantile(MOST)
    wait = queue.wait_s * found.mean_by_median
    # Those that take longer and shorter make up for each other, the more the more there are.
    wait_more = wait * (most / usual - 1) / math.sqrt(max(1, queue.waiting))
    more = math.hypot(wait_more, most - usual)
    return Estimate(after(now, wait, wait + wait_more), after(now, wait + usual, wait + usual + more), found)


def after(moment: datetime, *seconds: float) -> Moments:
    return Moments(*(moment + timedelta(seconds=min(one, FARTHEST_S)) for one in seconds))

"""How long a job will take, from how long the latest ones took that resemble it: pure.

Quantiles are order statistics: of n times, the k-th of the sorted is not exceeded by the next with probability
k / (n + 1), whatever their distribution (Wilks, 1941). Beyond the longest the tail is taken to fall with its square,
after Weissman (1978).
"""

import math
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

MEDIAN, MOST = 0.5, 0.9
TAIL = 2.0
MOST_OUT = 4.0  # times the median
LEAST_FACTOR, MOST_FACTOR = 1 / 16, 16.0  # between jobs that do less or more


class Basis(StrEnum):
    """What jobs have in common that an expectation goes by, from the most to the least."""

    SERVER = "server"  # and all that follows
    WORKFLOW = "workflow"  # what is done, and about how much of it
    SHAPE = "shape"  # what is done
    CHECKPOINT = "checkpoint"
    ALL = "all"


class Kind(NamedTuple):
    """What is known of a job before it runs. `server` is None while that is open."""

    workflow_key: str
    shape: str
    checkpoint_model: str | None
    work: float
    server: str | None = None


class Known(NamedTuple):
    """The times of jobs of one kind on one server, in seconds, and how much work they were."""

    work: float
    seconds: Sequence[float]


class Level(NamedTuple):
    """What kinds must have in common for a basis, and whether the times are made more or less by the work."""

    basis: Basis
    same: tuple[str, ...]
    is_scaled: bool


LEVELS = (
    Level(Basis.SERVER, ("workflow_key", "server"), is_scaled=False),
    Level(Basis.WORKFLOW, ("workflow_key",), is_scaled=False),
    Level(Basis.SHAPE, ("shape",), is_scaled=True),
    Level(Basis.CHECKPOINT, ("checkpoint_model",), is_scaled=True),
    Level(Basis.ALL, (), is_scaled=True),
)


@dataclass(frozen=True)
class Expectation:
    """The times it is expected from, in seconds, sorted; never empty."""

    basis: Basis
    times: Sequence[float]

    def quantile(self, share: float, after: float = 0.0) -> float:
        """The seconds that this share of the jobs does not exceed, of those that take longer than `after`."""
        rest = self.times[bisect_right(self.times, after) :] if after > 0 else self.times
        if not rest:
            return after * beyond(1 - share)
        # Which of them, from 1: in between, the two next to it on the scale of logarithms.
        place = share * (len(rest) + 1)
        if place > len(rest):
            return rest[-1] * beyond((len(rest) + 1) * (1 - share))
        below = max(1, math.floor(place))
        low, high = rest[below - 1], rest[min(below, len(rest) - 1)]
        return low * math.pow(high / low, max(0.0, place - below))

    @property
    def mean_by_median(self) -> float:
        """How much longer they take on average than in the middle: many jobs take their mean, not their median. What
        lies far out counts as the bound."""
        middle = self.quantile(MEDIAN)
        return sum(min(time, MOST_OUT * middle) for time in self.times) / len(self.times) / middle


def beyond(share: float) -> float:
    """How many times a time is what only this share of those that exceed it exceed."""
    return math.pow(share, -1 / TAIL)


def expected(job: Kind, read: Callable[[Level, Kind], Iterable[Known]]) -> Expectation | None:
    """What is known of the jobs that resemble this one most. None: nothing is known of any.

    `read` gives what is known at a level. Wider ones are only read where the narrower have nothing.
    """
    for level in LEVELS:
        if all(getattr(job, name) is not None for name in level.same):
            found = [(row, factor(job, row) if level.is_scaled else 1.0) for row in read(level, job)]
            if times := sorted(seconds * more for row, more in found for seconds in row.seconds):
                return Expectation(level.basis, times)
    return None


def factor(job: Kind, row: Known) -> float:
    """How much longer it takes that does more."""
    return min(max(job.work / row.work, LEAST_FACTOR), MOST_FACTOR)

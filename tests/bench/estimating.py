"""A synthetic month through the estimates: how many jobs end before their p90, and how far off their p50 is.

Fourteen workflows in several sizes come from a queue to three servers of different speed. Some take long for no reason,
some load a model first; servers become slower and faster, one gets a new driver, and workflows are added on the way.
The same seeds each time: the figures say how good the rule is, not how fast the machine.
"""

import heapq
import math
import random
import statistics
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import NamedTuple

from api_service.jobs.waiting.estimate import Estimate, Queue, Running, of_running, of_waiting
from api_service.jobs.waiting.queue_estimate import SAMPLED
from shared.jobs.durations.expectation import LEVELS, MEDIAN, Kind, Known, Level, expected
from shared.jobs.durations.known import ROWS
from shared.jobs.durations.learning import KEPT
from shared.jobs.turns import UNKNOWN_S
from tests.bench.figure import Bench, Figure, Measure, Round
from tests.bench.place import Place

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
JOBS, FEW_JOBS = 8_000, 500
SEEDS = range(3)
LEAST_KEPT, MOST_KEPT, MOST_ERROR = 88, 93, 20
KEPT_P90 = "jobs that end before the p90 of their start"
NOT_KEPT = "jobs that do not, or it would say nothing"
ERROR = "how far off the p50 is as they start, median"
HALFWAY = "the same once half is done"
SUBMITTED = "jobs that end before the p90 of their submission"
LOAD = 0.8  # of what the servers can do
SLOWNESS = {"http://gpu-1:8188": 1.0, "http://gpu-2:8188": 1.7, "http://gpu-3:8188": 3.1}
CHECKPOINTS = {"sd15": 2.0, "sdxl": 7.0, "flux": 25.0, "wan": 90.0}  # and the seconds of a usual picture
RARELY, SOMETIMES = 0.03, 0.1  # a job takes long for no reason, and loads a model first
LOADING_S = 4.0
NEW_DRIVER = ("http://gpu-2:8188", 0.4, 0.7)  # from when in the month on, and how much faster


class Workflow(NamedTuple):
    """Something that is asked for: what it is, its seconds on the fastest server, how they vary, since when in the
    month, and how often."""

    kind: Kind
    seconds: float
    varies: float
    since: float
    weight: float


def workflows(chance: random.Random) -> Iterator[Workflow]:
    for number in range(14):
        checkpoint = chance.choice(list(CHECKPOINTS))
        seconds, varies = CHECKPOINTS[checkpoint] * chance.uniform(0.7, 1.5), chance.uniform(0.05, 0.3)
        since, weight = chance.choice([0.0, 0.0, 1 / 3, 2 / 3]), min(chance.paretovariate(1.0), 20.0)
        for pixels in chance.sample([0.26, 0.6, 1.05, 2.1], 2):
            for steps in chance.sample([8, 20, 30, 50], 2):
                work = pixels * 1e6 * steps
                kind = Kind(f"{number}/{work}", f"{number}", checkpoint, work)
                yield Workflow(kind, seconds * work / 2e7, varies, since, weight)


class Job(NamedTuple):
    """A job that comes after so many seconds, which is at that share of the month, and what luck it has."""

    at_s: float
    month: float
    workflow: Workflow
    luck: float
    loading_s: float

    def takes_on(self, server: str) -> float:
        name, since, faster = NEW_DRIVER
        slow = SLOWNESS[server] * (1 + 0.2 * math.sin(math.tau * self.month))
        if server == name and self.month > since:
            slow *= faster
        return self.workflow.seconds * slow * self.luck + self.loading_s


def jobs_of(seed: int, number: int) -> Iterator[Job]:
    chance = random.Random(seed)
    known = list(workflows(chance))
    usual = sum(one.seconds * one.weight for one in known) / sum(one.weight for one in known)
    # So far apart that the servers are busy for their load.
    apart_s = usual / LOAD / sum(1 / slow for slow in SLOWNESS.values())
    at_s = 0.0
    for count in range(number):
        at_s += chance.expovariate(1 / apart_s)
        month = count / number
        offered = [one for one in known if one.since <= month]
        workflow = chance.choices(offered, [one.weight for one in offered])[0]
        luck = math.exp(chance.gauss(0, workflow.varies))
        if chance.random() < RARELY:
            luck *= 1 + chance.paretovariate(1.5)
        yield Job(at_s, month, workflow, luck, LOADING_S if chance.random() < SOMETIMES else 0.0)


class Memory:
    """What `job_durations` would hold."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], list[float]] = {}
        self.levels: defaultdict[tuple[str | None, ...], list[Known]] = defaultdict(list)

    def read(self, level: Level, kind: Kind) -> Iterable[Known]:
        return self.levels[(level.basis, *(getattr(kind, name) for name in level.same))][-ROWS:]

    def learn(self, kind: Kind, seconds: float) -> None:
        assert kind.server
        place = (kind.workflow_key, kind.server)
        if place not in self.rows:
            self.rows[place] = []
            for level in LEVELS:
                key = (level.basis, *(getattr(kind, name) for name in level.same))
                self.levels[key].append(Known(kind.work, self.rows[place]))
        self.rows[place].insert(0, seconds)
        del self.rows[place][KEPT:]


class InSlot(NamedTuple):
    """A job that runs until then."""

    ends_s: float
    server: str
    job: Job
    expected_s: float
    began_s: float


class Told(NamedTuple):
    """What was said of a job at some time, and what came of it: in seconds from its beginning."""

    p50: float
    p90: float
    took: float

    @property
    def is_kept(self) -> bool:
        return self.took <= self.p90

    @property
    def error(self) -> float:
        return abs(self.p50 - self.took) / self.took


@dataclass
class Month:
    """The month as it goes on: who runs what, who waits, what is known, and what was said."""

    free: list[str] = field(default_factory=lambda: list(SLOWNESS))
    running: list[InSlot] = field(default_factory=list)
    waiting: deque[tuple[Job, float, Estimate]] = field(default_factory=deque)
    memory: Memory = field(default_factory=Memory)
    submitted: list[Told] = field(default_factory=list)
    started: list[Told] = field(default_factory=list)
    halfway: list[Told] = field(default_factory=list)

    def live(self, jobs: Iterable[Job]) -> None:
        for job in jobs:
            self.end_until(job.at_s)
            self.submit(job)
            self.start(job.at_s)
        self.end_until(math.inf)

    def end_until(self, now_s: float) -> None:
        while self.running and self.running[0][0] <= now_s:
            ended_s, server, job, *_ = heapq.heappop(self.running)
            self.memory.learn(job.workflow.kind._replace(server=server), job.takes_on(server))
            self.free.append(server)
            self.start(ended_s)

    def submit(self, job: Job) -> None:
        found = expected(job.workflow.kind, self.memory.read)
        if found is None:
            self.waiting.append((job, UNKNOWN_S, Estimate()))
            return
        before = [one[1] for one in islice(self.waiting, SAMPLED)]
        running = [Running(one.expected_s, job.at_s - one.began_s) for one in self.running]
        seconds = statistics.fmean(before or [found.quantile(MEDIAN)])
        queue = Queue(len(self.waiting), seconds, running, len(self.free))
        self.waiting.append((job, found.quantile(MEDIAN), of_waiting(moment(job.at_s), found, queue)))

    def start(self, now_s: float) -> None:
        while self.free and self.waiting:
            server = self.free.pop(self.free.index(min(self.free)))
            job, expected_s, said = self.waiting.popleft()
            took = job.takes_on(server)
            heapq.heappush(self.running, InSlot(now_s + took, server, job, expected_s, now_s))
            self.note(self.submitted, said, job.at_s, now_s + took)
            found = expected(job.workflow.kind._replace(server=server), self.memory.read)
            if found:
                now = moment(now_s)
                said = of_running(now, now, now, found)
                self.note(self.started, said, now_s, now_s + took)
                half_s = now_s + job.loading_s + (took - job.loading_s) / 2
                said = of_running(now, now, moment(half_s), found).corrected(0.5, moment(half_s))
                self.note(self.halfway, said, now_s, now_s + took)

    def note(self, what: list[Told], said: Estimate, since_s: float, ended_s: float) -> None:
        if said.ends:
            p50, p90 = ((one - moment(since_s)).total_seconds() for one in said.ends)
            what.append(Told(p50, p90, ended_s - since_s))


def moment(at_s: float) -> datetime:
    return BEGAN + timedelta(seconds=at_s)


def share_kept(told: list[Told]) -> float:
    return statistics.fmean(one.is_kept for one in told)


def middle_error(told: list[Told]) -> float:
    return statistics.median(one.error for one in told)


def measure(jobs: int) -> dict[str, Round]:
    """The figures of all seeds together. They are shares, and the same each time."""
    months = []
    for seed in SEEDS:
        months.append(Month())
        months[-1].live(jobs_of(seed, jobs))
    started, halfway, submitted = (
        [one for month in months for one in getattr(month, name)] for name in ("started", "halfway", "submitted")
    )
    return {
        KEPT_P90: Round(100 * share_kept(started), LEAST_KEPT),
        NOT_KEPT: Round(100 - 100 * share_kept(started), 100 - MOST_KEPT),
        ERROR: Round(100 * middle_error(started), MOST_ERROR),
        HALFWAY: Round(100 * middle_error(halfway), 100 * middle_error(started)),
        SUBMITTED: Round(100 * share_kept(submitted), LEAST_KEPT),
    }


@contextmanager
def opened(place: Place) -> Iterator[Measure]:
    found = measure(place.few(JOBS, FEW_JOBS))
    yield lambda: found


ESTIMATING = Bench(
    (
        Figure(KEPT_P90, "%", f"{LEAST_KEPT} % of them", ">= 1"),
        Figure(NOT_KEPT, "%", f"{100 - MOST_KEPT} % of them", ">= 1"),
        Figure(ERROR, "%", f"{MOST_ERROR} %", "<= 1"),
        Figure(HALFWAY, "%", "its error as they start", "<= 0.75"),
        Figure(SUBMITTED, "%", f"{LEAST_KEPT} % of them", ">= 1"),
    ),
    opened,
    warm=True,
)

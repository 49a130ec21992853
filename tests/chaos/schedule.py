"""Which fault strikes what, when and for how long: drawn from the seed, and struck by the clock."""

import random
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import psutil

from deploy.local.system import Say
from tests.chaos.faults import KINDS
from tests.chaos.plan import Plan
from tests.chaos.strike import Strike
from tests.chaos.world import World

FIRST_AFTER_S = 4.0
APART_S = 3.0  # what was struck is left alone for so long
DRAWS = 300
MOST_AT_ONCE = 40
BUSY_WITHIN_S = 8.0
LOOK_S = 0.1


@dataclass(frozen=True)
class Struck:
    """A fault as it really was: when (Unix time), and which processes, if it struck a worker."""

    strike: Strike
    began_at: float
    ended_at: float
    pids: frozenset[int] = field(default_factory=frozenset)


def schedule(plan: Plan) -> list[Strike]:
    """Each kind as often as planned, at drawn times; two faults of one target do not overlap."""
    chance = random.Random(f"schedule {plan.seed}")
    strikes: list[Strike] = []
    kinds = [(number, kind) for number in range(plan.each) for kind in plan.kinds]
    # The longest first: they fit in fewer places.
    for number, kind in sorted(kinds, key=lambda known: -KINDS[known[1]].seconds[1]):
        strikes.append(placed(plan, strikes, kind, number, chance))
    return sorted(strikes)


def placed(plan: Plan, strikes: Sequence[Strike], kind: str, number: int, chance: random.Random) -> Strike:
    """One more strike where there is room for it; after all others of its target if there is none."""
    known = KINDS[kind]
    shortest, longest = known.seconds
    # The first of a kind lasts as long as it may, so that also a short run has a pause that outlives a lease.
    for_s = round(min(longest, plan.longest_s) if number == 0 else chance.uniform(shortest, longest), 1)
    how = known.ways[number % len(known.ways)]
    strike = Strike(0, kind, chance.choice(known.targets), for_s, how)
    latest = max(FIRST_AFTER_S, plan.window_s - for_s)
    for _ in range(DRAWS):
        at = round(chance.uniform(FIRST_AFTER_S, latest), 1)
        strike = Strike(at, kind, chance.choice(known.targets), for_s, how)
        if not any(collide(strike, other) for other in strikes):
            return strike
    after = max(other.at + other.for_s for other in strikes if other.target == strike.target)
    return strike._replace(at=round(after + APART_S, 1))


def collide(one: Strike, other: Strike) -> bool:
    apart = one.at > other.at + other.for_s + APART_S or other.at > one.at + one.for_s + APART_S
    return one.target == other.target and not apart


@dataclass(frozen=True)
class Aim:
    """What a strike needs to know and to heed: `holders` says which servers and workers hold a job now."""

    world: World
    holders: Callable[[], Collection[str]]
    closing: threading.Event
    say: Say
    # What waits until its target is busy must not meet the next fault of the same target.
    targets: Mapping[str, threading.Lock] = field(default_factory=lambda: defaultdict(threading.Lock))

    def wait_until_busy(self, target: str) -> None:
        """Until the worker or the server holds a job, or for long enough: a fault of an idle one shows nothing."""
        deadline = time.monotonic() + BUSY_WITHIN_S
        while not self.busy(target) and time.monotonic() < deadline:
            if self.closing.wait(LOOK_S):
                return

    def busy(self, target: str) -> bool:
        if target in self.world.comfyuis:
            return self.world.comfyuis[target].name in self.holders()
        pids = pids_of(self.world, target)
        return not target.startswith("worker") or any(pid_in(holder) in pids for holder in self.holders())


def strike_all(aim: Aim, strikes: Sequence[Strike]) -> list[Struck]:
    """Strike by the clock, and undo each. Returns when all is undone; raises what could not be begun or undone."""
    closing = aim.closing
    start = time.monotonic()
    with ThreadPoolExecutor(MOST_AT_ONCE, thread_name_prefix="strike") as pool:
        underway = []
        for planned in strikes:
            closing.wait(max(0.0, start + planned.at - time.monotonic()))
            if closing.is_set():
                break
            underway.append(pool.submit(strike_one, aim, planned))
        return [done.result() for done in underway]


def strike_one(aim: Aim, planned: Strike) -> Struck:
    """Strike one target, which nothing else strikes meanwhile."""
    with aim.targets[planned.target]:
        aim.wait_until_busy(planned.target)
        return struck(aim, planned)


def struck(aim: Aim, planned: Strike) -> Struck:
    world, kind, pids = aim.world, KINDS[planned.kind], pids_of(aim.world, planned.target)
    began_at = time.time()
    aim.say(f"{planned.kind} {planned.target} for {planned.for_s:g} s {planned.how}".rstrip())
    try:
        kind.begin(world, planned)
        if kind.end is not None:
            aim.closing.wait(planned.for_s)
    finally:
        if kind.end is not None:
            kind.end(world, planned)
    # Some kinds end by themselves.
    return Struck(planned, began_at, max(time.time(), began_at + planned.for_s), pids)


def pids_of(world: World, target: str) -> frozenset[int]:
    """A worker's processes: one of their ids stands in the worker's name in the database."""
    if not target.startswith("worker"):
        return frozenset()
    try:
        main = psutil.Process(world.processes[target].pid)
        return frozenset(process.pid for process in (main, *main.children(recursive=True)))
    except psutil.NoSuchProcess:
        return frozenset()


def pid_in(holder: str) -> int | None:
    """The pid in a worker's name, which is `host:pid:something drawn`; None for a server's."""
    parts = holder.rsplit(":", 2)
    return int(parts[1]) if len(parts) == 3 and parts[1].isdecimal() else None

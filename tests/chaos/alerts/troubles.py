"""Faults are struck one at a time, and held until their alerts fire: those, and no others."""

import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import httpx

from deploy.local.system import Say
from shared.jobs.urls import JOBS
from tests.chaos.alerts.prometheus import Prometheus, watched_by_prometheus
from tests.chaos.faults import KINDS, A, C, Kind, S, W, armed, disarm
from tests.chaos.follow_ups.receivers import WEBHOOKS
from tests.chaos.monitor import Monitor
from tests.chaos.plan import Plan
from tests.chaos.run import database, messenger, user_id
from tests.chaos.schedule import Aim
from tests.chaos.strike import Strike
from tests.chaos.world import World, running_world

FIRES_WITHIN_S = 150.0
QUIET_WITHIN_S = 300.0
QUIET_FOR_S = 8.0  # a breaker looks closed for some seconds while its server is looked at
HELD_ON_S = 8.0  # once all fire, for those that should not
LOOK_S = 0.5
JOB_EVERY_S = 2.0
BODY = {
    "prompt": "a cat",
    "checkpoint_model": "random_sd15.safetensors",
    "width": 64,
    "height": 64,
    "sampler_params": {"steps": 30},  # three seconds: most workers hold one
}


class Trouble(NamedTuple):
    """A kind of fault, what it strikes at once, and which alerts it fires: while it lasts, and once it is undone."""

    kind: str
    targets: Sequence[str]
    fires: frozenset[str]
    fires_later: frozenset[str] = frozenset()


def trouble(kind: str, targets: Sequence[str], *fires: str, later: Collection[str] = ()) -> Trouble:
    return Trouble(kind, targets, frozenset(fires), frozenset(later))


QUEUE = 30  # jobs: they keep the other servers busy until one that refuses has had its five


def refuse_a_queue(world: World, strike: Strike) -> None:
    """From now on the server takes no prompt, and there are more jobs than the others take at once: a breaker opens by
    five failures within a minute, and each keeps jobs from the server until it is looked at again."""
    armed("refuse", times=None)(world, strike)
    asked = {"jobs": [BODY] * QUEUE}
    headers = {"Authorization": f"Bearer {world.key}"}
    httpx.post(f"{world.apis[0]}{JOBS}/bulk", json=asked, headers=headers, timeout=60).raise_for_status()


# Of these no job of a chaos run could be accounted for: they last, and leave no way to its end.
LASTING: dict[str, Kind] = {
    "comfyui-fails": Kind(C, (0, 0), armed("node_error", node="KSampler", times=None), disarm),
    "comfyui-refuses": Kind(C, (0, 0), refuse_a_queue, disarm),
}
TROUBLES = (
    trouble("comfyui-kill", ["comfyui-1"], "ServerIsNotUsable"),
    trouble("comfyui-wedge", ["comfyui-2"], "ServerIsWedged"),
    trouble("api-kill", A[:1], "ProcessDoesNotAnswer"),
    trouble("scheduler-kill", S, "ProcessDoesNotAnswer", "NoSchedulerLeads"),
    trouble("redis-restart", ["redis"], "RedisIsDown"),
    trouble("store-refuse", ["store"], "StoreRefuses"),
    trouble("postgres-restart", ["postgres"], "PostgresIsDown"),
    trouble("worker-kill", W[:1], "ProcessDoesNotAnswer", "LeaseRanOut"),
    trouble("link-stall", [WEBHOOKS], "WebhooksWait"),
    trouble("comfyui-refuses", C[:1], "BreakerIsOpen"),
    trouble("comfyui-fails", C, "ManyJobsFail"),
    # Leases are found out by whoever takes over, and nobody is left.
    trouble("worker-kill", W, "ProcessDoesNotAnswer", "NoWorker", later=["LeaseRanOut"]),
)


@dataclass(frozen=True)
class Heard:
    """A trouble, the alerts that it fired, and how long it took until all of its own did."""

    trouble: Trouble
    fired: frozenset[str]
    after_s: float

    @property
    def is_as_it_should_be(self) -> bool:
        return self.fired == self.trouble.fires | self.trouble.fires_later


def hear_all(plan: Plan, say: Say, troubles: Sequence[Trouble] = TROUBLES) -> list[Heard]:
    """Everything is stopped when this returns, or raises."""
    with (
        running_world(plan, say) as world,
        database(world) as engine,
        watched_by_prometheus(world, plan.directory) as prometheus,
    ):
        closing, monitor = threading.Event(), Monitor(engine)
        aim = Aim(world, lambda: monitor.holders, closing, say)
        work = [threading.Thread(target=one, args=[closing], daemon=True) for one in (world.supervise, load(world))]
        monitor.start()
        for thread in work:
            thread.start()
        world.receivers.subscribe(messenger(world, engine), user_id(engine))
        try:
            say("waiting until nothing fires")
            wait_until_quiet(prometheus)
            return [hear(aim, prometheus, one) for one in troubles]
        finally:
            closing.set()
            for thread in work:
                thread.join()
            monitor.close()


def load(world: World) -> Callable[[threading.Event], None]:
    """A job every so often, at one API and then the other."""

    def submit(closing: threading.Event) -> None:
        with httpx.Client(headers={"Authorization": f"Bearer {world.key}"}, timeout=5) as http:
            number = 0
            while not closing.wait(JOB_EVERY_S):
                number += 1
                with suppress(httpx.HTTPError):
                    http.post(f"{world.apis[number % len(world.apis)]}{JOBS}", json=BODY)

    return submit


def hear(aim: Aim, prometheus: Prometheus, trouble: Trouble) -> Heard:
    """Strike, wait for its alerts, undo, and wait until nothing fires."""
    fired, after_s = set[str](), FIRES_WITHIN_S
    aim.say(f"{trouble.kind} {', '.join(trouble.targets)}: {', '.join(sorted(trouble.fires))}")
    with struck(aim, trouble):
        began = time.monotonic()
        while time.monotonic() - began < min(FIRES_WITHIN_S, after_s + HELD_ON_S):
            fired |= prometheus.firing()
            if fired >= trouble.fires and after_s == FIRES_WITHIN_S:
                after_s = time.monotonic() - began
            time.sleep(LOOK_S)
    fired |= wait_until_firing(prometheus, trouble.fires_later)
    fired |= wait_until_quiet(prometheus)
    heard = Heard(trouble, frozenset(fired), after_s)
    aim.say(f"  {'as it should be' if heard.is_as_it_should_be else 'WRONG'} after {after_s:.0f} s: {said(fired)}")
    return heard


@contextmanager
def struck(aim: Aim, trouble: Trouble) -> Iterator[None]:
    kind, strikes = (
        {**KINDS, **LASTING}[trouble.kind],
        [Strike(0, trouble.kind, target, 0, "") for target in trouble.targets],
    )
    for strike in strikes:
        aim.wait_until_busy(strike.target)
        kind.begin(aim.world, strike)
    try:
        yield
    finally:
        assert kind.end is not None
        for strike in strikes:
            kind.end(aim.world, strike)


def wait_until_firing(prometheus: Prometheus, names: frozenset[str]) -> frozenset[str]:
    """What fired until all of these did, or for long enough."""
    fired = set[str]()
    deadline = time.monotonic() + FIRES_WITHIN_S
    while not fired >= names and time.monotonic() < deadline:
        fired |= prometheus.firing()
        time.sleep(LOOK_S)
    return frozenset(fired)


def wait_until_quiet(prometheus: Prometheus) -> frozenset[str]:
    """What fired until nothing did or was about to, for a while, and everything answered."""
    fired = set[str]()
    quiet_since = began = time.monotonic()
    while time.monotonic() - quiet_since < QUIET_FOR_S:
        alerts = prometheus.alerts()
        fired |= {name for name, state in alerts if state == "firing"}
        if alerts or not prometheus.reaches_all():
            quiet_since = time.monotonic()
        if time.monotonic() - began > QUIET_WITHIN_S:
            raise TimeoutError(f"not quiet: {said({name for name, _ in alerts})}")
        time.sleep(LOOK_S)
    return frozenset(fired)


def said(names: set[str] | frozenset[str]) -> str:
    return ", ".join(sorted(names)) or "nothing"


def plan_in(directory: Path) -> Plan:
    """Only what a world needs: the troubles are no schedule."""
    # A worker that starts afresh by itself does not answer meanwhile, and would be heard as a trouble of ours.
    variables = {"LEASE_DURATION": "10s", "WORKER_MAX_MESSAGES": "100000"}
    return Plan(0, 0, 0, 0, 0, hurry=True, deadly=0, kinds=(), directory=directory, variables=variables)

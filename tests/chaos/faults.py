"""Every kind of fault is one row of a table: what it strikes, for how long, how it begins, and how it is undone."""

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

import httpx

from deploy.local.process import ProcessFailed
from tests.chaos.follow_ups.receivers import MAIL, WEBHOOKS
from tests.chaos.plan import APIS, SCHEDULERS, SIMULATORS, WORKERS
from tests.chaos.refusals import TABLES, accept, closed_to_all, read_only, refusing, table_away, table_locked
from tests.chaos.services import named
from tests.chaos.strike import Strike
from tests.chaos.world import World

SERVED_AGAIN_WITHIN_S = 60.0
AWAY = "outputs-away"


class Kind(NamedTuple):
    targets: tuple[str, ...]
    seconds: tuple[float, float]  # the shortest and the longest it lasts
    begin: Callable[[World, Strike], object]
    end: Callable[[World, Strike], object] | None = None
    ways: tuple[str, ...] = ("",)


def kill(world: World, strike: Strike) -> None:
    world.take_down(strike.target).kill()


def pause(world: World, strike: Strike) -> None:
    world.take_down(strike.target)
    world.signal(strike.target, signal.SIGSTOP)


def go_on(world: World, strike: Strike) -> None:
    world.signal(strike.target, signal.SIGCONT)
    world.let_up(strike.target)


def stop(world: World, strike: Strike) -> None:
    world.take_down(strike.target).stop()


def let_up(world: World, strike: Strike) -> None:
    world.let_up(strike.target)


def kill_comfyui(world: World, strike: Strike) -> None:
    world.comfyuis[strike.target].kill()


def start_comfyui(world: World, strike: Strike) -> None:
    world.comfyuis[strike.target].start()


def replace_comfyui(world: World, strike: Strike) -> None:
    kill_comfyui(world, strike)
    start_comfyui(world, strike)


def pause_comfyui(world: World, strike: Strike) -> None:
    world.comfyuis[strike.target].simulator.signal(signal.SIGSTOP)


def go_on_comfyui(world: World, strike: Strike) -> None:
    world.comfyuis[strike.target].simulator.resume()


def interrupt(world: World, strike: Strike) -> None:
    """Somebody else stops whatever runs, whosever it is."""
    world.comfyuis[strike.target].simulator.http.post("/interrupt", json={})


def armed(kind: str, **fields: object) -> Callable[[World, Strike], None]:
    """A fault of the simulator; its `how` is the strike's."""

    def begin(world: World, strike: Strike) -> None:
        how = {"how": strike.how} if strike.how else {}
        world.armed[strike] = world.comfyuis[strike.target].simulator.fault(kind, **fields, **how)

    return begin


def arm_dropped_sockets(world: World, strike: Strike) -> None:
    world.comfyuis[strike.target].simulator.fault("drop_sockets", refuse_seconds=strike.for_s)


def disarm(world: World, strike: Strike) -> None:
    """Also one that has struck: what it holds goes on."""
    with suppress(httpx.TransportError):
        world.armed[strike].clear()


def flush(world: World, strike: Strike) -> None:
    with world.redis() as client:
        client.flushall()


def kill_redis(world: World, strike: Strike) -> None:
    assert world.servers.valkey is not None
    world.servers.valkey.process.kill()


def start_redis(world: World, strike: Strike) -> None:
    assert world.servers.valkey is not None
    world.servers.valkey.restart()


def pause_redis(world: World, strike: Strike) -> None:
    assert world.servers.valkey is not None
    os.kill(world.servers.valkey.process.pid, signal.SIGSTOP)


def go_on_redis(world: World, strike: Strike) -> None:
    assert world.servers.valkey is not None
    os.kill(world.servers.valkey.process.pid, signal.SIGCONT)


def stop_postgres(world: World, strike: Strike) -> None:
    assert world.servers.postgres is not None
    if strike.how == "kill":
        world.servers.postgres.process.kill()
    else:
        world.servers.postgres.process.stop()


def start_postgres(world: World, strike: Strike) -> None:
    """Start it again, and again while what is left of the killed one is still ending."""
    assert world.servers.postgres is not None
    deadline = time.monotonic() + SERVED_AGAIN_WITHIN_S
    while True:
        try:
            world.servers.postgres.restart()
        except ProcessFailed:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)
        else:
            return


def refuse_to_store(world: World, strike: Strike) -> None:
    """A file stands where the folder was: nothing can be stored, read or removed."""
    store = world.store
    store.mkdir(parents=True, exist_ok=True)
    store.rename(store.with_name(AWAY))
    store.touch()


def store_again(world: World, strike: Strike) -> None:
    world.store.unlink()
    world.store.with_name(AWAY).rename(world.store)


def kill_receiver(world: World, strike: Strike) -> None:
    """As a machine on which it has ended: what is under way breaks off, and nothing is taken."""
    world.links[strike.target].refuse()


def start_receiver(world: World, strike: Strike) -> None:
    world.links[strike.target].listen()


def slow_link(world: World, strike: Strike) -> None:
    world.links[strike.target].slow(0.1)


def quick_link(world: World, strike: Strike) -> None:
    world.links[strike.target].slow(0)


def stall_link(world: World, strike: Strike) -> None:
    world.links[strike.target].stall()


def free_link(world: World, strike: Strike) -> None:
    world.links[strike.target].flow()


def cut_link(world: World, strike: Strike) -> None:
    world.links[strike.target].cut()


W, A, S = (tuple(named(*who)) for who in (("worker", WORKERS), ("api", APIS), ("scheduler", SCHEDULERS)))
C = tuple(named("comfyui", SIMULATORS))
R = (WEBHOOKS, MAIL)
LINKS = ("postgres", "redis", *C, *R)
PAUSE = (2.0, 45.0)  # the longest outlives a lease

KINDS: dict[str, Kind] = {
    "worker-kill": Kind(W, (0, 6), kill, let_up),
    "worker-pause": Kind(W, PAUSE, pause, go_on),
    "worker-restart": Kind(W, (0, 2), stop, let_up),
    "api-kill": Kind(A, (0, 6), kill, let_up),
    "api-pause": Kind(A, (2, 15), pause, go_on),
    "api-restart": Kind(A, (0, 2), stop, let_up),
    "scheduler-kill": Kind(S, (0, 6), kill, let_up),
    "scheduler-pause": Kind(S, (2, 20), pause, go_on),
    "scheduler-restart": Kind(S, (0, 2), stop, let_up),
    "comfyui-kill": Kind(C, (1, 10), kill_comfyui, start_comfyui),
    "comfyui-restart": Kind(C, (0, 0), replace_comfyui),
    "comfyui-pause": Kind(C, (3, 20), pause_comfyui, go_on_comfyui),
    "comfyui-wedge": Kind(C, (40, 60), armed("kill_worker"), replace_comfyui),
    "comfyui-sockets": Kind(C, (0, 6), arm_dropped_sockets),
    "comfyui-silence": Kind(C, (5, 15), armed("freeze_sockets"), disarm),
    "comfyui-half-file": Kind(C, (20, 20), armed("half_file"), disarm, ways=("truncate", "short", "broken")),
    "comfyui-no-file": Kind(C, (20, 20), armed("missing_file"), disarm),
    "comfyui-refuse": Kind(C, (8, 8), armed("refuse", times=2), disarm, ways=("drop", "503", "500")),
    "comfyui-queued-500": Kind(C, (10, 10), armed("error_after_queue"), disarm),
    "comfyui-forget": Kind(C, (0, 0), armed("forget_history")),
    "comfyui-slow": Kind(C, (5, 15), armed("latency", seconds=0.7), disarm),
    "comfyui-hang": Kind(C, (4, 15), armed("hang_http"), disarm),
    "comfyui-interrupt": Kind(C, (0, 0), interrupt),
    "redis-flush": Kind(("redis",), (0, 0), flush),
    "redis-restart": Kind(("redis",), (0, 6), kill_redis, start_redis),
    "redis-pause": Kind(("redis",), (2, 15), pause_redis, go_on_redis),
    "postgres-restart": Kind(("postgres",), (0, 8), stop_postgres, start_postgres, ways=("kill", "stop")),
    "postgres-read-only": Kind(("postgres",), (1, 8), refusing(read_only), accept),
    "postgres-table-away": Kind(("postgres",), (1, 8), refusing(table_away), accept, ways=TABLES),
    "postgres-table-locked": Kind(("postgres",), (1, 8), refusing(table_locked), accept, ways=TABLES),
    "postgres-closed": Kind(("postgres",), (1, 8), refusing(closed_to_all), accept),
    "store-refuse": Kind(("store",), (3, 15), refuse_to_store, store_again),
    "receiver-kill": Kind(R, (3, 10), kill_receiver, start_receiver),
    "link-slow": Kind(LINKS, (5, 15), slow_link, quick_link),
    "link-stall": Kind(LINKS, (2, 12), stall_link, free_link),
    "link-cut": Kind(LINKS, (0, 0), cut_link),
}

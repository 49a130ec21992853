"""Many watch one API process: how long an event takes to the last of them, and what each watcher costs.

`python -m tests.bench.watching` starts PostgreSQL, Valkey and the API, connects the watchers, publishes progress as
workers do, and prints one JSON object. It asserts nothing.
"""

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from websockets.asyncio.client import ClientConnection, connect

from api_service.accounts import create_key
from deploy.local.ports import free_ports
from deploy.local.process import Command, Process, Processes
from deploy.local.servers import local_servers
from deploy.local.system import REPOSITORY, status
from migrations.upgrade import upgrade
from shared.broker import sending_broker
from shared.database import create_engine, transaction
from shared.events import Channels, Event
from shared.models import EventType, Scope, User
from shared.outbox import Outbox
from shared.redis_clients import hasty_client
from shared.settings import load_settings
from tests.jobs import USER, new_job, submitted


@dataclass(frozen=True)
class Bench:
    """A running API process, a key for it, and the jobs to watch."""

    url: str
    key: str
    process: psutil.Process
    outbox: Outbox
    job_ids: list[int]


@dataclass
class Heard:
    """When each published event (job, tick) had come to how many watchers."""

    expected: int
    sent: dict[tuple[int, int], float] = field(default_factory=dict)
    times: dict[tuple[int, int], int] = field(default_factory=lambda: defaultdict(int))
    latencies_ms: list[float] = field(default_factory=list)

    def hear(self, job_id: int, tick: int) -> None:
        key = (job_id, tick)
        self.times[key] += 1
        if self.times[key] == self.expected:
            self.latencies_ms.append((time.perf_counter() - self.sent[key]) * 1000)


@contextmanager
def running_api(jobs: int) -> Iterator[Bench]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        servers = stack.enter_context(local_servers(folder, durable=False, environ=os.environ))
        upgrade(servers.database_url)
        port = next(free_ports())
        environ = {
            "APP_ENV": "test",
            "DATABASE_URL": servers.database_url,
            "REDIS_URL": servers.redis(3),
            "COMFYUI_URLS": "http://127.0.0.1:9",
            "STORAGE_URL": (folder / "outputs").as_uri(),
            "API_HOST": "127.0.0.1",
            "API_PORT": str(port),
            "LIMIT_OPEN_STREAMS": "none",
            "LIMIT_REQUESTS_PER_MINUTE": "none",
            "PATH": os.environ["PATH"],
        }
        settings = load_settings(environ)
        engine = create_engine(settings, application="bench")
        stack.callback(engine.dispose)
        outbox = Outbox(engine, sending_broker(settings), hasty_client(settings.redis_url), Channels(settings.redis_ns))
        with transaction(engine) as session:
            session.add(User(id=USER, name="watcher"))
        with transaction(engine) as session:
            key = create_key(session, USER, "bench", scopes=(Scope.READ,)).token
        job_ids = [submitted(outbox) for _ in range(jobs)]
        api = start_api(stack.enter_context(Processes()), folder, environ)
        yield Bench(f"127.0.0.1:{port}", key, psutil.Process(api.pid), outbox, job_ids)


def start_api(processes: Processes, folder: Path, environ: dict[str, str]) -> Process:
    command = Command(
        name="api",
        arguments=(sys.executable, "-m", "api_service"),
        log=folder / "api.log",
        cwd=REPOSITORY,
        environ=environ,
    )
    api = processes.start(command)
    live = f"http://127.0.0.1:{environ['API_PORT']}/health/live"
    api.wait_until(lambda: status(live) == "ok", within_s=30)
    return api


async def watch(bench: Bench, path: str, heard: Heard, ready: asyncio.Semaphore) -> None:
    headers = {"Authorization": f"Bearer {bench.key}"}
    async with connect(f"ws://{bench.url}{path}", additional_headers=headers, open_timeout=60) as socket:
        await socket.recv()
        ready.release()
        await listen(socket, heard)


async def listen(socket: ClientConnection, heard: Heard) -> None:
    async for text in socket:
        event = json.loads(text)
        if event["type"] == "processing":
            heard.hear(event["job_id"], event["tick"])


async def publish(bench: Bench, heard: Heard, events: int, rate: float) -> None:
    begun = time.perf_counter()
    for number in range(events):
        job_id = bench.job_ids[number % len(bench.job_ids)]
        data = {"percentage": 50.0, "node_id": "3", "node_type": "KSampler", "step": 10, "steps": 20}
        event = Event.live(EventType.PROCESSING, new_job(id=job_id, attempt=1), tick=number + 1, data=data)
        heard.sent[(job_id, number + 1)] = time.perf_counter()
        bench.outbox.publish(event)
        await asyncio.sleep(max(0.0, begun + (number + 1) / rate - time.perf_counter()))


async def lateness(late: list[float]) -> None:
    """How late this very process is woken: what the machine adds to every figure."""
    while True:
        due = time.perf_counter() + 0.01
        await asyncio.sleep(0.01)
        late.append((time.perf_counter() - due) * 1000)


def memory(process: psutil.Process) -> int:
    return int(process.memory_info().rss)


def connections(bench: Bench) -> int:
    """The connections to Redis that this process did not make."""
    clients: list[dict[str, Any]] = bench.outbox.client.client_list()
    return sum(not client["name"].startswith("bench") for client in clients)


async def run(bench: Bench, options: argparse.Namespace) -> dict[str, Any]:
    bench.outbox.client.client_setname("bench")
    everything = options.stream == "all"
    heard = Heard(options.watchers if everything else options.watchers // options.jobs)
    ready = asyncio.Semaphore(0)
    before, connections_before, begun = memory(bench.process), connections(bench), time.perf_counter()
    paths = ["/ws/jobs" if everything else f"/ws/jobs/{job_id}" for job_id in bench.job_ids]
    watching = [
        asyncio.create_task(watch(bench, paths[number % len(paths)], heard, ready))
        for number in range(options.watchers)
    ]
    for _ in watching:
        await asyncio.wait_for(ready.acquire(), 120)
    connected_s = time.perf_counter() - begun
    idle, cpu = memory(bench.process), sum(bench.process.cpu_times()[:2])
    late: list[float] = []
    looking = asyncio.create_task(lateness(late))
    await publish(bench, heard, options.events, options.rate)
    for _ in range(50):
        if len(heard.latencies_ms) < options.events:
            await asyncio.sleep(0.2)
    looking.cancel()
    used = sum(bench.process.cpu_times()[:2]) - cpu
    result = {
        "watchers": options.watchers,
        "stream": options.stream,
        "connected_s": round(connected_s, 2),
        "redis_connections": {"before": connections_before, "with_watchers": connections(bench)},
        "events": options.events,
        "told_to_all": len(heard.latencies_ms),
        "last_watcher_ms": spread(heard.latencies_ms),
        "machine_late_ms": spread(late),
        "kB_per_watcher": {
            "idle": round((idle - before) / options.watchers / 1000, 1),
            "after_events": round((memory(bench.process) - before) / options.watchers / 1000, 1),
        },
        "cpu_share": round(used / (options.events / options.rate), 3),
    }
    for task in watching:
        task.cancel()
    await asyncio.gather(*watching, return_exceptions=True)
    return result


def spread(values: list[float]) -> dict[str, float]:
    if len(values) < 2:
        return {}
    cuts = statistics.quantiles(values, n=100)
    return {"p50": round(cuts[49], 1), "p99": round(cuts[98], 1), "max": round(max(values), 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stream", choices=("jobs", "all"), default="jobs", help="each watches one job, or all jobs")
    parser.add_argument("--watchers", type=int, default=1000)
    parser.add_argument("--jobs", type=int, default=100)
    parser.add_argument("--events", type=int, default=400)
    parser.add_argument("--rate", type=float, default=20.0, help="events a second")
    options = parser.parse_args()
    with running_api(options.jobs) as bench:
        print(json.dumps(asyncio.run(run(bench, options)), indent=2))


if __name__ == "__main__":
    main()

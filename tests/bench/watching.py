"""Many watch one API process: how long an event takes to the last of them, and what each watcher costs."""

import asyncio
import json
import statistics
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import psutil
from sqlmodel import select
from websockets.asyncio.client import ClientConnection, connect

from shared import waiting
from shared.events import Event
from shared.models import EventType, GenerationJob, JobStatus, User
from tests.bench.figure import Bench, Figure, Measure, Round
from tests.bench.place import Place, Running, Wanted

LAST = "event to the last of 10 watchers of its job, 1,000 watchers, p99"
WEIGHT = "memory for each of 1,000 watchers"
CONNECTIONS = "Redis connections with 1,000 watchers, against without"
JOBS, RATE = 100, 20.0  # events a second
HEARD_WITHIN_S = 30.0
PROGRESS = {"percentage": 50.0, "node_id": "3", "node_type": "KSampler", "step": 10, "steps": 20}
FIGURES = (
    Figure(LAST, "ms", "250 ms", "<= 1"),
    Figure(WEIGHT, "kB", "100 kB", "<= 1"),
    Figure(CONNECTIONS, "", "without watchers", "<= 1"),
)


@dataclass
class Heard:
    """When each published event (job, tick) had come to as many watchers as its job has."""

    expected: int
    events: int
    all_of_them: asyncio.Event = field(default_factory=asyncio.Event)
    sent: dict[tuple[int, int], float] = field(default_factory=dict)
    times: dict[tuple[int, int], int] = field(default_factory=lambda: defaultdict(int))
    latencies_ms: list[float] = field(default_factory=list)

    def hear(self, job_id: int, tick: int) -> None:
        key = (job_id, tick)
        self.times[key] += 1
        if self.times[key] == self.expected:
            self.latencies_ms.append((time.perf_counter() - self.sent[key]) * 1000)
            if len(self.latencies_ms) == self.events:
                self.all_of_them.set()


async def watch(here: Running, job_id: int, heard: Heard, ready: asyncio.Semaphore) -> None:
    address = f"{here.apis[0].replace('http', 'ws', 1)}/ws/jobs/{job_id}"
    async with connect(address, additional_headers=here.headers, open_timeout=60) as socket:
        await socket.recv()
        ready.release()
        await listen(socket, heard)


async def listen(socket: ClientConnection, heard: Heard) -> None:
    async for text in socket:
        event = json.loads(text)
        if event["type"] == "processing":
            heard.hear(event["job_id"], event["tick"])


async def publish(here: Running, jobs: list[GenerationJob], heard: Heard) -> None:
    """Publish at an even pace, and wait until all was heard. Ticks go on from one round to the next."""
    begun, first = time.perf_counter(), time.monotonic_ns() // 1_000_000
    for number in range(heard.events):
        job, tick = jobs[number % len(jobs)], first + number
        heard.sent[(job.id, tick)] = time.perf_counter()
        here.outbox.publish(Event.live(EventType.PROCESSING, job, tick=tick, data=PROGRESS))
        await asyncio.sleep(max(0.0, begun + (number + 1) / RATE - time.perf_counter()))
    async with asyncio.timeout(HEARD_WITHIN_S):
        await heard.all_of_them.wait()


async def measured(here: Running, jobs: list[GenerationJob], watchers: int, events: int) -> dict[str, Round]:
    api = psutil.Process(here.processes["api-0"].pid)
    heard, ready = Heard(watchers // len(jobs), events), asyncio.Semaphore(0)
    before, connections = api.memory_info().rss, connections_of_api(here)
    watching = [
        asyncio.create_task(watch(here, jobs[number % len(jobs)].id, heard, ready)) for number in range(watchers)
    ]
    for _ in watching:
        await asyncio.wait_for(ready.acquire(), 120)
    await publish(here, jobs, heard)
    result = {
        LAST: Round(statistics.quantiles(heard.latencies_ms, n=100)[98], 250),
        WEIGHT: Round(max(1, api.memory_info().rss - before) / watchers / 1000, 100),
        CONNECTIONS: Round(connections_of_api(here), connections),
    }
    for task in watching:
        task.cancel()
    await asyncio.gather(*watching, return_exceptions=True)
    return result


def connections_of_api(here: Running) -> int:
    """The connections to Redis that are not this process's own."""
    here.outbox.client.client_setname("bench")
    return sum(not client["name"].startswith("bench") for client in here.outbox.client.client_list())


@contextmanager
def opened(place: Place) -> Iterator[Measure]:
    watchers, events = place.few(1000, 100), place.few(200, 20)
    with place.system(Wanted(workers=0, scheduler=False)) as here:
        jobs = [waiting_job(here) for _ in range(JOBS)]
        yield lambda: asyncio.run(measured(here, jobs, watchers, events))


def waiting_job(here: Running) -> GenerationJob:
    with here.outbox.transaction() as session:
        user = session.exec(select(User)).first()
        assert user is not None
        job = GenerationJob(user_id=user.id, job_type="image", status=JobStatus.QUEUED, prompt="a cat", attempt=1)
        return waiting.submit(session, job)


WATCHING = Bench(FIGURES, opened)

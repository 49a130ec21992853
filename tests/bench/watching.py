"""Many watch one API process: how long an event takes to the last of them, and what each watcher costs."""

import asyncio
import json
import statistics
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import psutil
from sqlmodel import select
from websockets.asyncio.client import ClientConnection, connect

from shared.jobs import before_start
from shared.messaging.events import Event
from shared.models import EventType, GenerationJob, JobStatus, User
from tests.bench.figure import Bench, Figure, Measure, Round
from tests.bench.place import Place, Running, Wanted

LAST = "event to the last of 10 watchers of its job, 1,000 watchers, p99"
WEIGHT = "memory for each of 1,000 watchers"
CONNECTIONS = "Redis connections with 1,000 watchers, against without"
JOBS, RATE = 100, 20.0  # events a second
HEARD_WITHIN_S = 30.0
WARM_UP = 10  # events
PROGRESS = {"percentage": 50.0, "node_id": "3", "node_type": "KSampler", "step": 10, "steps": 20}
FIGURES = (
    Figure(LAST, "ms", "250 ms", "<= 1"),
    Figure(WEIGHT, "kB", "100 kB", "<= 1"),
    Figure(CONNECTIONS, "", "without watchers", "<= 1"),
)


@dataclass(frozen=True)
class Numbers:
    """How many watch, how many events are published to them, and what the API had in memory before any of it."""

    watchers: int
    events: int
    bytes_before: int


@dataclass
class Heard:
    """When each published event (job, tick) had come to as many watchers as its job has."""

    expected: int
    all_of_them: asyncio.Event = field(default_factory=asyncio.Event)
    sent: dict[tuple[int, int], float] = field(default_factory=dict)
    times: dict[tuple[int, int], int] = field(default_factory=lambda: defaultdict(int))
    latencies_ms: list[float] = field(default_factory=list)

    def hear(self, job_id: int, tick: int) -> None:
        key = (job_id, tick)
        self.times[key] += 1
        if self.times[key] == self.expected:
            self.latencies_ms.append((time.perf_counter() - self.sent[key]) * 1000)
            if len(self.latencies_ms) == len(self.sent):
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


async def publish(here: Running, jobs: list[GenerationJob], heard: Heard, events: int) -> list[float]:
    """Publish at an even pace until all was heard. Returns what each took to its last watcher, in milliseconds.

    Ticks go on from one round to the next.
    """
    begun, first = time.perf_counter(), time.monotonic_ns() // 1_000_000
    due = [(jobs[number % len(jobs)], first + number) for number in range(events)]
    heard.sent = {(job.id, tick): 0.0 for job, tick in due}
    for number, (job, tick) in enumerate(due, 1):
        heard.sent[(job.id, tick)] = time.perf_counter()
        here.messenger.publish(Event.live(EventType.PROCESSING, job, at=datetime.now(UTC), tick=tick, data=PROGRESS))
        await asyncio.sleep(max(0.0, begun + number / RATE - time.perf_counter()))
    async with asyncio.timeout(HEARD_WITHIN_S):
        await heard.all_of_them.wait()
    return heard.latencies_ms


@asynccontextmanager
async def watched(here: Running, jobs: list[GenerationJob], watchers: int) -> AsyncIterator[Heard]:
    """As many watchers for each job until the block ends. Yields what they hear."""
    heard, ready = Heard(watchers // len(jobs)), asyncio.Semaphore(0)
    watching = [
        asyncio.create_task(watch(here, jobs[number % len(jobs)].id, heard, ready)) for number in range(watchers)
    ]
    try:
        for _ in watching:
            await asyncio.wait_for(ready.acquire(), 120)
        yield heard
    finally:
        for task in watching:
            task.cancel()
        await asyncio.gather(*watching, return_exceptions=True)


async def measured(here: Running, jobs: list[GenerationJob], numbers: Numbers) -> dict[str, Round]:
    connections = connections_of_api(here)
    async with watched(here, jobs, numbers.watchers) as heard:
        latencies_ms = await publish(here, jobs, heard, numbers.events)
        return {
            LAST: Round(statistics.quantiles(latencies_ms, n=100)[98], 250),
            WEIGHT: Round(max(1, memory_of_api(here) - numbers.bytes_before) / numbers.watchers / 1000, 100),
            CONNECTIONS: Round(connections_of_api(here), connections),
        }


async def warm_up(here: Running, jobs: list[GenerationJob], watchers: int) -> int:
    """Let a single watcher come and go, then all. Returns the bytes that the API has between the two.

    Memory that was once needed is not given back, so in no later round would the watchers seem to cost any. Redis
    connections are kept too: as many as there were requests at once, and those of watchers come all at once.
    """
    async with watched(here, jobs[:1], 1) as heard:
        await publish(here, jobs[:1], heard, WARM_UP)
    before = memory_of_api(here)
    async with watched(here, jobs, watchers):
        return before


def memory_of_api(here: Running) -> int:
    """Resident bytes."""
    return int(psutil.Process(here.processes["api-0"].pid).memory_info().rss)


def connections_of_api(here: Running) -> int:
    """The connections to Redis that are not this process's own."""
    here.messenger.client.client_setname("bench")
    return sum(not client["name"].startswith("bench") for client in here.messenger.client.client_list())


@contextmanager
def opened(place: Place) -> Iterator[Measure]:
    watchers, events = place.few(1000, 100), place.few(120, 20)
    with place.system(Wanted(workers=0, scheduler=False)) as here:
        jobs = [waiting_job(here) for _ in range(JOBS)]
        numbers = Numbers(watchers, events, asyncio.run(warm_up(here, jobs, watchers)))
        yield lambda: asyncio.run(measured(here, jobs, numbers))


def waiting_job(here: Running) -> GenerationJob:
    with here.messenger.transaction() as session:
        user = session.exec(select(User)).first()
        assert user is not None
        job = GenerationJob(user_id=user.id, job_type="image", status=JobStatus.QUEUED, prompt="a cat", attempt=1)
        return before_start.submit(session, job)


WATCHING = Bench(FIGURES, opened, warm=True)

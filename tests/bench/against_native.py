"""What the service adds to a ComfyUI: the same prompts sent by a native client, before and after ours.

The graph needs no model and no card, so a real server runs it as the simulator does: an empty image, noise, a PNG.
"""

import json
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from http.client import HTTPConnection
from itertools import count
from types import MappingProxyType
from typing import Any, Self
from urllib.parse import urlencode, urlsplit
from uuid import uuid4

import psutil

from tests.bench.figure import Bench, Figure, Measure, Round
from tests.bench.place import Place, Running, Wanted

LARGE, SMALL = "30 jobs of 512x512 noise, makespan", "50 jobs of 64x64 noise, makespan"
ALONE, ALONE_MS = "one job of 64x64 noise, p50 to seen", "one job of 64x64 noise, p50 to seen, in ms"
WORKER, SERVER = "worker's CPU time for a job of 512x512 noise", "ComfyUI's CPU time above native, 512x512 noise"
LOOK_S = 0.002  # between two looks of a client that waits for one job
LOOK_AT_ALL_S = 0.02
WARM_UP = 3
# What a real ComfyUI computes for the graph above, beside what the simulator does: `docs/performance.md` compares them.
COSTS = {"prompt": 0.001, "node": 0.0028, "megapixel": 0.031}
AS_A_REAL_ONE = (
    *("--step-seconds", "0", "--load-seconds", "0"),
    *(part for name, seconds in COSTS.items() for part in (f"--{name}-cpu-seconds", str(seconds))),
)
KEPT_OPEN_S = 3.0  # a connection that was silent for as long is opened anew
GOOD = range(HTTPStatus.OK, HTTPStatus.MULTIPLE_CHOICES)
SEEDS = count(int(time.time()) % 1_000_000 * 1000)  # fresh ones: ComfyUI serves what it knows from its cache


def graph(size: int, prefix: str = "bench") -> dict[str, Any]:
    return {
        "1": {"class_type": "EmptyImage", "inputs": {"width": size, "height": size, "batch_size": 1, "color": 0}},
        "2": {"class_type": "ImageAddNoise", "inputs": {"image": ["1", 0], "seed": next(SEEDS), "strength": 0.5}},
        "3": {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "filename_prefix": prefix}},
    }


class Asking:
    """Asks one address on one kept connection, in plain `http.client`: both sides by the same program, so that neither
    pays for its client."""

    def __init__(self, address: str, headers: Mapping[str, str] = MappingProxyType({})) -> None:
        parts = urlsplit(address)
        self.connection = HTTPConnection(parts.hostname or "127.0.0.1", parts.port or 80, timeout=60)
        self.base = parts.path.rstrip("/")
        self.headers = {"Content-Type": "application/json", **headers}
        self.asked_at = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.connection.close()

    def ask(self, method: str, path: str, body: object = None) -> bytes:
        if time.monotonic() - self.asked_at > KEPT_OPEN_S:
            self.connection.close()  # the server may have closed it
        self.asked_at = time.monotonic()
        content = None if body is None else json.dumps(body)
        self.connection.request(method, f"{self.base}{path}", content, self.headers)
        answer = self.connection.getresponse()
        read = answer.read()
        assert answer.status in GOOD, f"{path} answered {answer.status}: {read[:200]!r}"
        return read


class Native(Asking):
    """A client as people write it: a prompt, its history, its file."""

    def send(self, size: int) -> str:
        prompt_id = str(uuid4())  # ComfyUI takes no others
        self.ask("POST", "/prompt", {"prompt": graph(size), "prompt_id": prompt_id, "client_id": prompt_id})
        return prompt_id

    def fetch(self, prompt_id: str, look_s: float) -> None:
        while not (entry := json.loads(self.ask("GET", f"/history/{prompt_id}"))):
            time.sleep(look_s)
        (image,) = entry[prompt_id]["outputs"]["3"]["images"]
        self.ask("GET", f"/view?{urlencode(image)}")


class Ours(Asking):
    """The same of the service: a job, and its status until that is `completed`."""

    def send(self, size: int) -> str:
        job = json.loads(self.ask("POST", "/api/v1/generation-jobs/", {"workflow": graph(size)}))
        return str(job["links"]["self"])

    def wait_for(self, path: str, look_s: float) -> None:
        while (status := json.loads(self.ask("GET", path))["status"]) != "completed":
            assert status in {"pending", "queued", "running"}, status
            time.sleep(look_s)


def native(server: str, jobs: int, size: int) -> float:
    """Seconds from the first prompt sent to the last file read."""
    with Native(server) as client:
        began = time.perf_counter()
        for prompt_id in [client.send(size) for _ in range(jobs)]:
            client.fetch(prompt_id, LOOK_AT_ALL_S)
        return time.perf_counter() - began


def ours(here: Running, jobs: int, size: int) -> float:
    """Seconds from the first job sent to the last one seen to be completed."""
    with asking(here) as client:
        began = time.perf_counter()
        for path in [client.send(size) for _ in range(jobs)]:
            client.wait_for(path, LOOK_AT_ALL_S)
        return time.perf_counter() - began


def asking(here: Running) -> Ours:
    return Ours(here.apis[0], here.headers)


@contextmanager
def beside(place: Place) -> Iterator[tuple[Running, str]]:
    """A system with one server that both clients have warmed up: the one that was named, or a simulator."""
    with place.system(Wanted(simulators=(AS_A_REAL_ONE,))) as here:
        server = here.simulators[0]
        for size in (64, 512):
            native(server, WARM_UP, size)
            ours(here, WARM_UP, size)
        yield here, server


@contextmanager
def many(place: Place, name: str, size: int, jobs: int) -> Iterator[Measure]:
    """Half of the native ones go before ours and half after: a machine that gets slower favours neither."""
    with beside(place) as (here, server):

        def measure() -> dict[str, Round]:
            before, ended, after = (
                native(server, jobs // 2, size),
                ours(here, jobs, size),
                native(server, jobs // 2, size),
            )
            return {name: Round(1000 * ended / jobs, 1000 * (before + after) / (2 * (jobs // 2)))}

        yield measure


@contextmanager
def alone(place: Place) -> Iterator[Measure]:
    jobs = place.few(40, 4)
    with beside(place) as (here, server):

        def measure() -> dict[str, Round]:
            with asking(here) as client, Native(server) as native_client:
                times = [
                    (
                        seconds(lambda: native_client.fetch(native_client.send(64), LOOK_S)),
                        seconds(lambda: client.wait_for(client.send(64), LOOK_S)),
                    )
                    for _ in range(jobs)
                ]
            theirs, mine = (1000 * statistics.median(column) for column in zip(*times, strict=True))
            return {ALONE: Round(mine, theirs), ALONE_MS: Round(mine, 35)}

        yield measure


def seconds(deed: Callable[[], object]) -> float:
    began = time.perf_counter()
    deed()
    return time.perf_counter() - began


@contextmanager
def weighed(place: Place) -> Iterator[Measure]:
    """CPU time a job, of the worker and of the server; without a server whose process is here, of the worker only."""
    jobs = place.few(30, 4)
    with beside(place) as (here, server):
        worker = psutil.Process(here.processes["worker-0"].pid)
        comfyui = process_at(server)

        def measure() -> dict[str, Round]:
            before = cpu_s([comfyui])
            native(server, jobs, 512)
            natively = cpu_s([comfyui]) - before
            worked, served = cpu_s([worker]), cpu_s([comfyui])
            ours(here, jobs, 512)
            worked, served = cpu_s([worker]) - worked, cpu_s([comfyui]) - served
            return {
                WORKER: Round(1000 * worked / jobs, 30),
                SERVER: Round(max(0.01, 1000 * (served - natively) / jobs), 3),
            }

        yield measure


def process_at(server: str) -> psutil.Process:
    """The process that listens at a server's port."""
    port = urlsplit(server).port
    for connection in psutil.net_connections("tcp"):
        if connection.status == psutil.CONN_LISTEN and connection.laddr[1:] == (port,) and connection.pid:
            return psutil.Process(connection.pid)
    raise LookupError(f"no process of this machine that can be seen listens at {server}")


def cpu_s(processes: Sequence[psutil.Process]) -> float:
    """User and system time of processes and their children so far."""
    family = {one for process in processes for one in (process, *process.children(recursive=True))}
    return sum(sum(one.cpu_times()[:2]) for one in family)


BENCHES: Mapping[str, Bench] = {
    "native-512": Bench(
        (Figure(LARGE, "ms", "the same by a native client", "<= 1.1"),),
        lambda place: many(place, LARGE, 512, place.few(30, 4)),
        warm=True,
    ),
    "native-64": Bench(
        (Figure(SMALL, "ms", "the same by a native client", "<= 1.5"),),
        lambda place: many(place, SMALL, 64, place.few(50, 4)),
        warm=True,
    ),
    "native-alone": Bench(
        (Figure(ALONE, "ms", "a native client's", "<= 2.5"), Figure(ALONE_MS, "ms", "35 ms", "<= 1")), alone, warm=True
    ),
    "native-cpu": Bench(
        (Figure(WORKER, "ms", "30 ms", "<= 1"), Figure(SERVER, "ms", "3 ms", "<= 1")), weighed, warm=True
    ),
}

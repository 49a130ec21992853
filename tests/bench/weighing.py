"""What the services weigh: resident memory, the time it takes to import them, and what they install."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import psutil

from tests.bench.figure import Bench, Figure, Measure, Round
from tests.bench.place import REPOSITORY, Place, Wanted, wait_until
from tests.bench.waiting import submit
from tests.extras import distributions_of, size_mb

API, SCHEDULER = "resident memory of the API", "resident memory of the scheduler"
IDLE, BUSY = "resident memory of a worker, idle", "resident memory of a worker, 32 jobs waiting"
IMPORTS = {
    "import of the API": "api_service.__main__",
    "import of the worker": "worker_service.start",
    "import of the scheduler": "worker_service.scheduler.main",
}
INSTALLED = {"install size of the API": ("api", 100), "install size of the worker": ("worker", 200)}
QUEUED = 32
FIGURES = (
    Figure(API, "MB", "256 MB", "<= 1"),
    Figure(SCHEDULER, "MB", "256 MB", "<= 1"),
    Figure(IDLE, "MB", "384 MB", "<= 1"),
    Figure(BUSY, "MB", "384 MB", "<= 1"),
    *(Figure(name, "s", "3 s", "<= 1") for name in IMPORTS),
    *(Figure(name, "MB", f"{limit} MB", "<= 1") for name, (_, limit) in INSTALLED.items()),
)


def resident_mb(pid: int) -> float:
    """Of a process and its children, shared pages counted once in each."""
    return sum(one.memory_info().rss for one in family_of(pid)) / 1e6


def family_of(pid: int) -> list[psutil.Process]:
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]


def import_s(module: str) -> float:
    """Seconds of a Python that imports a module and ends, its own start included."""
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", f"import {module}"], cwd=REPOSITORY, check=True)
    return time.perf_counter() - started


def installed_mb(extra: str) -> float:
    return sum(map(size_mb, distributions_of(extra).values()))


def waiting_at(server: str) -> int:
    return len(httpx.get(f"{server}/queue").json()["queue_pending"])


@contextmanager
def opened(place: Place) -> Iterator[Measure]:
    slow = ("--gpu-seconds", "5", "--draw", "flat")
    variables = {"COMFYUI_SLOTS": "32"}
    with place.system(Wanted(simulators=(slow,), variables=variables)) as here, here.client() as http:
        pids = {name: here.processes[name].pid for name in ("api-0", "worker-0", "scheduler")}
        idle = resident_mb(pids["worker-0"])
        for seed in range(QUEUED):
            submit(http, 1, seed)
        # All of them are at the server, which takes longer for them than all rounds do.
        wait_until(lambda: waiting_at(here.simulators[0]) >= QUEUED - 1)

        def measure() -> dict[str, Round]:
            return {
                API: Round(resident_mb(pids["api-0"]), 256),
                SCHEDULER: Round(resident_mb(pids["scheduler"]), 256),
                IDLE: Round(idle, 384),
                BUSY: Round(resident_mb(pids["worker-0"]), 384),
                **{name: Round(import_s(module), 3) for name, module in IMPORTS.items()},
                **{name: Round(installed_mb(extra), limit) for name, (extra, limit) in INSTALLED.items()},
            }

        yield measure


WEIGHING = Bench(FIGURES, opened, warm=True)

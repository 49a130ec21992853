"""What the services weigh: resident memory, and the time it takes to import them."""

import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

from tests.bench.figure import Bench, Figure, Measure, Round
from tests.bench.place import REPOSITORY, Place, Wanted
from tests.bench.waiting import submit

API, SCHEDULER = "resident memory of the API", "resident memory of the scheduler"
IDLE, BUSY = "resident memory of a worker, idle", "resident memory of a worker, 32 jobs waiting"
IMPORTS = {
    "import of the API": "api_service.main",
    "import of the worker": "worker_service.main",
    "import of the scheduler": "worker_service.scheduler",
}
FIGURES = (
    Figure(API, "MB", "256 MB", "<= 1"),
    Figure(SCHEDULER, "MB", "256 MB", "<= 1"),
    Figure(IDLE, "MB", "384 MB", "<= 1"),
    Figure(BUSY, "MB", "384 MB", "<= 1"),
    *(Figure(name, "s", "3 s", "<= 1") for name in IMPORTS),
)


def resident_mb(pid: int) -> float:
    """Of a process and its children, shared pages counted once in each."""
    process = psutil.Process(pid)
    return sum(one.memory_info().rss for one in (process, *process.children(recursive=True))) / 1e6


def import_s(module: str) -> float:
    took = []
    for _ in range(3):
        started = time.perf_counter()
        subprocess.run([sys.executable, "-c", f"import {module}"], cwd=REPOSITORY, check=True)
        took.append(time.perf_counter() - started)
    return statistics.median(took)


@contextmanager
def opened(place: Place) -> Iterator[Measure]:
    slow = ("--gpu-seconds", "5", "--draw", "flat")
    variables = {"COMFYUI_SLOTS": "32"}
    with place.system(Wanted(simulators=(slow,), variables=variables)) as here, here.client() as http:
        pids = {name: here.processes[name].pid for name in ("api-0", "worker-0", "scheduler")}
        idle = resident_mb(pids["worker-0"])

        def measure() -> dict[str, Round]:
            for seed in range(32):
                submit(http, 1, seed)
            time.sleep(1)
            return {
                API: Round(resident_mb(pids["api-0"]), 256),
                SCHEDULER: Round(resident_mb(pids["scheduler"]), 256),
                IDLE: Round(idle, 384),
                BUSY: Round(resident_mb(pids["worker-0"]), 384),
                **{name: Round(import_s(module), 3) for name, module in IMPORTS.items()},
            }

        yield measure


WEIGHING = Bench(FIGURES, opened)

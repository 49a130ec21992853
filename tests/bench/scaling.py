"""`python -m tests.bench.scaling`: what many servers and jobs want of each part, and which part gives out first.

The coefficients are those of docs/performance.md; what `make bench` has written to build/bench.json goes before them.
"""

import argparse
import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from tests.bench.__main__ import WRITTEN

SLOTS, THREADS, OTHER_CONNECTIONS, API_CONNECTIONS = 2, 12, 15, 13
MAX_CONNECTIONS = 100  # PostgreSQL's default
GIGABITS_10 = 1.25e9  # bytes a second


class Coefficient(NamedTuple):
    """What was measured: as `make bench` calls it, and what it gave where docs/performance.md was written."""

    figure: str
    value: float


POSTS = Coefficient("POST/s, 16 clients, one API process", 353.7)
BULKS = Coefficient("jobs/s in bulks of 100, against single posts", 3158)
CLAIMS = Coefficient("claims/s, 16 workers, 100,000 jobs queued", 558.4)
WORKER_MS = Coefficient("worker's CPU time for a job of 512x512 noise", 25.7)
WORKER_MB = Coefficient("resident memory of a worker, 32 jobs waiting", 150.3)
COEFFICIENTS = (POSTS, BULKS, CLAIMS, WORKER_MS, WORKER_MB)
OUTPUT_BYTES = 800_000  # of noise of 512x512 as PNG with its thumbnails: no measurement, and little compresses worse


class Plan(NamedTuple):
    """So many servers and jobs, and what was measured."""

    servers: int
    jobs_per_s: float
    measured: Mapping[str, float]

    def of(self, coefficient: Coefficient) -> float:
        return self.measured.get(coefficient.figure, coefficient.value)

    @property
    def workers(self) -> int:
        """Processes that have the processor time, and the threads for each slot and one more job beside it."""
        by_time = self.jobs_per_s * self.of(WORKER_MS) / 1000
        by_threads = self.servers * (SLOTS + 1) / THREADS
        return math.ceil(max(by_time, by_threads))

    @property
    def apis(self) -> int:
        return math.ceil(self.jobs_per_s / self.of(POSTS))


class Row(NamedTuple):
    """A part: what is wanted of it, and from how many jobs a second it no longer does with what it has by default."""

    part: str
    wanted: Callable[[Plan], str]
    ends_at: Callable[[Plan], float]
    moved_by: str


def connections(plan: Plan) -> int:
    return plan.workers * (THREADS + OTHER_CONNECTIONS) + plan.apis * API_CONNECTIONS + 4


ROWS = (
    Row(
        "connections to PostgreSQL",
        lambda plan: f"{connections(plan)} of {MAX_CONNECTIONS}",
        lambda plan: plan.jobs_per_s * MAX_CONNECTIONS / connections(plan),
        "`max_connections`; or PgBouncer, `DATABASE_POOLER=transaction`",
    ),
    Row(
        "worker processes",
        lambda plan: f"{plan.workers}, {plan.workers * plan.of(WORKER_MB) / 1000:.1f} GB",
        lambda plan: 1000 / plan.of(WORKER_MS),
        f"more workers, each `WORKER_THREADS={THREADS}`",
    ),
    Row(
        "API processes, one job a POST",
        lambda plan: f"{plan.apis}",
        lambda plan: plan.of(POSTS),
        "more APIs; or bulks of 100",
    ),
    Row(
        "claims, on two shared cores",
        lambda plan: f"{plan.jobs_per_s / plan.of(CLAIMS):.1f} times as many",
        lambda plan: plan.of(CLAIMS),
        "a machine for PostgreSQL alone",
    ),
    Row(
        "the store, 10 Gbit/s",
        lambda plan: (
            f"{plan.jobs_per_s * OUTPUT_BYTES / 1e9:.1f} GB/s, "
            f"{plan.jobs_per_s * OUTPUT_BYTES * 86_400 / 1e12:.0f} TB a day"
        ),
        lambda _plan: GIGABITS_10 / OUTPUT_BYTES,
        "`STORAGE_URL`, `RETENTION_OUTPUTS`",
    ),
    Row(
        "API processes, bulks of 100",
        lambda plan: f"{math.ceil(plan.jobs_per_s / plan.of(BULKS))}",
        lambda plan: plan.of(BULKS),
        "more APIs",
    ),
)


def table(plan: Plan) -> list[str]:
    """What gives out first comes first."""
    head = [
        f"| part | wanted for {plan.jobs_per_s:g} jobs/s | one, as it is, ends at | moved by |",
        "|---|---|---|---|",
    ]
    ordered = sorted(ROWS, key=lambda row: row.ends_at(plan))
    return [
        *head,
        *(f"| {row.part} | {row.wanted(plan)} | {row.ends_at(plan):.0f} jobs/s | {row.moved_by} |" for row in ordered),
    ]


def measured(file: Path) -> dict[str, float]:
    """The coefficients that a run of `make bench` has; none without one."""
    if not file.is_file():
        return {}
    names = {coefficient.figure for coefficient in COEFFICIENTS}
    return {found["figure"]: found["value"] for found in json.loads(file.read_text()) if found["figure"] in names}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.scaling", description=__doc__)
    parser.add_argument("--servers", type=int, default=100)
    parser.add_argument("--jobs-per-s", type=float, default=1000)
    parser.add_argument("--measured", type=Path, default=WRITTEN, help="what make bench has written")
    arguments = parser.parse_args()
    print("\n".join(table(Plan(arguments.servers, arguments.jobs_per_s, measured(arguments.measured)))))


if __name__ == "__main__":
    main()

"""What is looked at each minute, and what it must not do in the long run."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text

from shared.database.engine import reading
from tests.bench.place import Running
from tests.bench.weighing import family_of, resident_mb

SERVICES = ("api-0", "worker-0", "scheduler")
WARM_UP = 1  # minutes that are shown, and not judged
FEWEST = 4  # minutes to judge by
MISSED = "MISSED"
ROWS = text("SELECT coalesce(sum(n_dead_tup), 0), coalesce(sum(n_live_tup), 0) FROM pg_stat_user_tables")
LATENCY = text("""
SELECT count(*), coalesce(percentile_cont(0.5) WITHIN GROUP (ORDER BY took), 0),
    coalesce(percentile_cont(0.99) WITHIN GROUP (ORDER BY took), 0)
FROM (
    SELECT extract(epoch FROM completed_at - created_at) * 1000 AS took FROM generation_jobs
    WHERE status = 'completed' AND completed_at > now() - make_interval(secs => :since_s)
) AS ended
""")
WAITING = text("SELECT count(*) FROM generation_jobs WHERE status IN ('pending', 'queued')")


@dataclass(frozen=True)
class Look:
    """One minute: MB and descriptors by service, and what the database says. Latencies are from accepted to the end."""

    memory_mb: dict[str, float]
    descriptors: dict[str, int]
    redis_mb: float
    dead_rows: int
    live_rows: int
    waiting: int
    completed: int
    p50_ms: float
    p99_ms: float


def look(here: Running, since_s: float) -> Look:
    pids = {name: here.processes[name].pid for name in SERVICES}
    memory: Any = here.messenger.client.info("memory")
    with reading(here.engine) as session:
        connection = session.connection()
        dead, live = connection.execute(ROWS).one()
        completed, p50, p99 = connection.execute(LATENCY, {"since_s": since_s}).one()
        waiting = int(connection.scalar(WAITING) or 0)
    return Look(
        memory_mb={name: resident_mb(pid) for name, pid in pids.items()},
        descriptors={name: sum(one.num_fds() for one in family_of(pid)) for name, pid in pids.items()},
        redis_mb=memory["used_memory"] / 1e6,
        dead_rows=int(dead),
        live_rows=int(live),
        waiting=waiting,
        completed=completed,
        p50_ms=float(p50),
        p99_ms=float(p99),
    )


HEAD = (
    "minute",
    "api MB",
    "worker MB",
    "sched. MB",
    "redis MB",
    "descriptors",
    "dead rows",
    "waiting",
    "jobs",
    "p50",
    "p99",
)


def line(minute: int, one: Look) -> str:
    cells = (
        minute,
        *(round(one.memory_mb[name], 1) for name in SERVICES),
        round(one.redis_mb, 1),
        "/".join(str(one.descriptors[name]) for name in SERVICES),
        one.dead_rows,
        one.waiting,
        one.completed,
        f"{one.p50_ms:.0f} ms",
        f"{one.p99_ms:.0f} ms",
    )
    return row(cells)


def row(cells: Sequence[object]) -> str:
    return " ".join(f"{cell!s:>12}" for cell in cells)


# What is read of a look, and to how much of its first half the second may grow.
JUDGED: dict[str, tuple[Callable[[Look], float], float]] = {
    **{f"memory of {name}": (lambda one, name=name: one.memory_mb[name], 1.1) for name in SERVICES},  # type: ignore[misc]
    **{f"descriptors of {name}": (lambda one, name=name: one.descriptors[name], 1.2) for name in SERVICES},  # type: ignore[misc]
    "share of dead rows": (lambda one: 1 + one.dead_rows / max(1, one.live_rows), 1.2),
    "p50 to completed": (lambda one: one.p50_ms, 1.5),
    "p99 to completed": (lambda one: one.p99_ms, 2.0),
}


def verdicts(looks: Sequence[Look]) -> list[str]:
    """A line for each thing that is judged, after the warm-up. A worker that reloads at the moment of a look is small
    then, so the higher median of each half counts."""
    judged = looks[WARM_UP:]
    if len(judged) < FEWEST:
        return [f"too short to judge: {FEWEST + WARM_UP} minutes are the least"]
    half = len(judged) // 2
    lines = []
    for name, (value, most) in JUDGED.items():
        first, second = (statistics.median_high(map(value, part)) for part in (judged[:half], judged[-half:]))
        growth = second / first if first else 1.0
        verdict = "met" if growth <= most else MISSED
        lines.append(f"{name:<28} {growth:>6.2f} of its first half, at most {most:g}  {verdict}")
    return lines

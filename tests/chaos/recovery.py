"""How long it took after a fault until things went on, by kind of fault.

For a fault of a worker, a ComfyUI or the link to one: for each job that was held there, until the next thing that is
written about it: an attempt that begins or ends, or an event. For the others, which nobody holds a job for: until the
next thing that is written about any job. The row `(no fault)` is the first measure at moments spread over the run.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from tests.chaos.attempts_account import by_job
from tests.chaos.evidence import Evidence
from tests.chaos.rows import Row
from tests.chaos.schedule import Struck, pid_in

NO_FAULT = "(no fault)"
MOMENTS = 100


class Recovery(NamedTuple):
    kind: str
    struck: int
    waited: Sequence[float]  # seconds, ascending

    def percentile(self, share: float) -> float | None:
        return self.waited[min(len(self.waited) - 1, int(share * len(self.waited)))] if self.waited else None


def recoveries(evidence: Evidence) -> list[Recovery]:
    """By kind, in alphabetical order; first the measure without a fault."""
    moments = written(evidence)
    kinds = sorted({struck.strike.kind for struck in evidence.struck})
    found = [Recovery(NO_FAULT, 0, sorted(usual(evidence, moments)))]
    for kind in kinds:
        strikes = [struck for struck in evidence.struck if struck.strike.kind == kind]
        waited = sorted(each for struck in strikes for each in waits(evidence, moments, struck))
        found.append(Recovery(kind, len(strikes), waited))
    return found


def written(evidence: Evidence) -> Mapping[int, Sequence[float]]:
    """When something was written about each job."""
    events, attempts = by_job(evidence.events), by_job(evidence.attempts)
    return {
        job["id"]: sorted(
            [event["created_at"] for event in events[job["id"]]]
            + [moment for each in attempts[job["id"]] for moment in (each["started_at"], each["ended_at"]) if moment]
        )
        for job in evidence.jobs
    }


def waits(evidence: Evidence, moments: Mapping[int, Sequence[float]], struck: Struck) -> Iterator[float]:
    server = evidence.servers.get(struck.strike.target)
    if server is None and not struck.pids:
        following = [moment for told in moments.values() for moment in told if moment > struck.began_at]
        if following:
            yield min(following) - struck.began_at
        return
    for attempt in evidence.attempts:
        hit = attempt["server"] == server or pid_in(attempt["worker_id"]) in struck.pids
        if hit and held(attempt, struck.began_at):
            yield from until_next(moments[attempt["job_id"]], struck.began_at)


def usual(evidence: Evidence, moments: Mapping[int, Sequence[float]]) -> Iterator[float]:
    times = [moment for told in moments.values() for moment in told]
    if not times:
        return
    first, last = min(times), max(times)
    for number in range(MOMENTS):
        at = first + (last - first) * number / MOMENTS
        for attempt in evidence.attempts:
            if held(attempt, at):
                yield from until_next(moments[attempt["job_id"]], at)


def until_next(told: Sequence[float], at: float) -> Iterator[float]:
    following = [moment for moment in told if moment > at]
    if following:
        yield following[0] - at


def held(attempt: Row, at: float) -> bool:
    return bool(attempt["started_at"] <= at and (attempt["ended_at"] is None or attempt["ended_at"] > at))

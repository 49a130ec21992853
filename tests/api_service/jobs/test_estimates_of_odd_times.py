"""An estimate is made of any times, also of those that a clock has made which was set meanwhile."""

from datetime import UTC, datetime, timedelta

import pytest

from api_service.jobs.waiting.estimate import Estimate, Queue, Running, of_running, of_waiting
from shared.jobs.durations.expectation import Basis, Expectation

NOW = datetime(2026, 1, 1, tzinfo=UTC)
YEARS_S = 1e9
TIMES = {
    "none": [0.001],
    "years": [YEARS_S],
    "none and years": [0.001] * 12 + [YEARS_S] * 12,
    "the most that a column holds": [3.4e38],
}


def in_order(estimate: Estimate) -> bool:
    assert estimate.starts
    assert estimate.ends
    return estimate.starts.p50 <= estimate.ends.p50 <= estimate.ends.p90 < datetime(9999, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("times", TIMES.values(), ids=TIMES)
@pytest.mark.parametrize("waiting", [0, 999])
@pytest.mark.parametrize("so_far_s", [-YEARS_S, 0, YEARS_S])
def test_a_waiting_job_has_an_estimate_whatever_others_took(times: list[float], waiting: int, so_far_s: float) -> None:
    queue = Queue(waiting, max(times), [Running(10, so_far_s)], free=0)
    assert in_order(of_waiting(NOW, Expectation(Basis.ALL, times), queue))


@pytest.mark.parametrize("times", TIMES.values(), ids=TIMES)
@pytest.mark.parametrize("so_far_s", [-YEARS_S, 0, YEARS_S])
def test_a_running_job_has_one_too(times: list[float], so_far_s: float) -> None:
    began = NOW - timedelta(seconds=so_far_s)
    estimate = of_running(began, began, NOW, Expectation(Basis.ALL, times))
    assert in_order(estimate)
    assert in_order(estimate.corrected(0.01, NOW))

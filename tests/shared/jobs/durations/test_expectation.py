"""An expectation goes by the times of the jobs that resemble one most, and its quantiles are those of the next job."""

import random
import statistics
from collections.abc import Iterable, Mapping

import pytest

from shared.jobs.durations.expectation import LEVELS, Basis, Expectation, Kind, Known, Level, expected

JOB = Kind("key", "shape", "checkpoint", 1e6, "gpu")


def found(known: Mapping[Basis, Known], job: Kind = JOB) -> Expectation | None:
    def read(level: Level, _job: Kind) -> Iterable[Known]:
        return [known[level.basis]] if level.basis in known else []

    return expected(job, read)


def test_it_goes_by_the_narrowest_of_which_anything_is_known() -> None:
    known: dict[Basis, Known] = {}
    assert found(known) is None
    for level in reversed(LEVELS):
        known[level.basis] = Known(1e6, [1.0])
        expectation = found(known)
        assert expectation is not None
        assert expectation.basis is level.basis


def test_without_a_server_and_a_checkpoint_what_they_share_is_not_asked_for() -> None:
    known = {Basis.SERVER: Known(1e6, [1.0]), Basis.CHECKPOINT: Known(1e6, [2.0]), Basis.ALL: Known(1e6, [3.0])}
    expectation = found(known, JOB._replace(server=None, checkpoint_model=None))
    assert expectation == Expectation(Basis.ALL, [3.0])


@pytest.mark.parametrize(("work", "seconds"), [(4e6, 8.0), (5e5, 1.0), (1e12, 32.0), (1.0, 0.125)])
def test_more_work_of_the_same_takes_longer_within_reason(work: float, seconds: float) -> None:
    expectation = found({Basis.SHAPE: Known(1e6, [2.0])}, JOB._replace(work=work))
    assert expectation is not None
    assert expectation.quantile(0.5) == pytest.approx(seconds)


def test_the_same_kind_is_taken_as_it_is() -> None:
    expectation = found({Basis.WORKFLOW: Known(1.2e6, [2.0])})
    assert expectation is not None
    assert expectation.quantile(0.5) == 2.0


@pytest.mark.parametrize("number", [1, 3, 8, 24])
def test_nine_of_ten_next_jobs_keep_the_p90_however_many_are_known(number: int) -> None:
    chance = random.Random(7)
    kept = []
    for _ in range(4000):
        *times, following = (chance.lognormvariate(3, 0.3) for _ in range(number + 1))
        kept.append(following <= Expectation(Basis.SERVER, sorted(times)).quantile(0.9))
    # Of few the tail is taken to be heavier than this one is.
    assert 0.88 < statistics.fmean(kept) < 0.98


def test_the_middle_is_the_median() -> None:
    assert Expectation(Basis.SERVER, [1.0, 5.0, 90.0]).quantile(0.5) == 5.0
    assert Expectation(Basis.SERVER, [4.0, 9.0]).quantile(0.5) == pytest.approx(6.0)


def test_what_has_gone_on_for_a_while_is_like_those_that_took_longer() -> None:
    expectation = Expectation(Basis.SERVER, [1.0, 2.0, 30.0, 40.0, 50.0])
    assert expectation.quantile(0.5, after=3.0) == 40.0
    after_all = [expectation.quantile(share, after=100.0) for share in (0.5, 0.9)]
    assert 100.0 < after_all[0] < after_all[1]


def test_a_mean_is_above_the_median_where_some_take_long_but_not_by_one_alone() -> None:
    assert Expectation(Basis.SERVER, [2.0, 2.0, 2.0]).mean_by_median == 1
    assert Expectation(Basis.SERVER, [2.0, 2.0, 2e9]).mean_by_median == 2.0

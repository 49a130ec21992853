"""A seed makes the same jobs and the same faults again, and every kind of both is among them."""

import itertools
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.chaos import plan
from tests.chaos.content import DEADLY, EVERYTHING
from tests.chaos.faults import KINDS
from tests.chaos.jobs import JobKind, number_in, orders
from tests.chaos.plan import Plan
from tests.chaos.schedule import APART_S, schedule

SEEDS = [*range(4), *(pytest.param(seed, marks=pytest.mark.landing) for seed in range(4, 20))]


def short(seed: int) -> Plan:
    return plan.short(seed, list(KINDS), Path())


def full(seed: int) -> Plan:
    return plan.full(seed, list(KINDS), Path())


@pytest.mark.parametrize("make", [short, full])
def test_a_seed_makes_the_same_run_again(make: Callable[[int], Plan]) -> None:
    assert schedule(make(7)) == schedule(make(7))
    assert orders(make(7)) == orders(make(7))
    assert schedule(make(7)) != schedule(make(8))
    assert orders(make(7)) != orders(make(8))


@pytest.mark.parametrize("seed", SEEDS)
def test_every_kind_of_fault_is_struck_as_often_as_planned(seed: int) -> None:
    assert Counter(strike.kind for strike in schedule(short(seed))) == dict.fromkeys(KINDS, 1)
    assert Counter(strike.kind for strike in schedule(full(seed))) == dict.fromkeys(KINDS, 6)


@pytest.mark.parametrize("seed", SEEDS)
def test_faults_of_one_target_do_not_overlap(seed: int) -> None:
    for make in (short, full):
        by_target = sorted(schedule(make(seed)), key=lambda strike: (strike.target, strike.at))
        for one, after in itertools.pairwise(by_target):
            if one.target == after.target:
                # Times are rounded to a tenth of a second.
                assert after.at >= one.at + one.for_s + APART_S - 0.11


@pytest.mark.parametrize("seed", SEEDS)
def test_a_pause_outlives_a_lease_in_every_run(seed: int) -> None:
    assert max(strike.for_s for strike in schedule(short(seed)) if strike.kind == "worker-pause") > 30


@pytest.mark.parametrize("seed", SEEDS)
def test_every_kind_of_job_is_ordered_and_known_by_its_mark(seed: int) -> None:
    made = orders(short(seed))
    assert {order.kind for order in made} == set(JobKind)
    assert [number_in(order.body["metadata"], seed) for order in made] == list(range(len(made)))
    assert number_in(made[0].body["metadata"], seed + 1) is None
    assert [order.at for order in made] == sorted(order.at for order in made)


@pytest.mark.parametrize("seed", SEEDS)
def test_each_odd_content_is_ordered_and_as_many_deadly_ones_as_planned(seed: int) -> None:
    contents = [order.content for order in orders(full(seed)) if order.content]
    assert set(contents) == set(EVERYTHING)
    assert len({order.content for order in orders(short(seed)) if order.content} & set(DEADLY)) == 1


def test_a_run_leaves_out_what_is_not_asked_for() -> None:
    some = plan.short(1, ["redis-flush"], Path())
    assert [strike.kind for strike in schedule(some)] == ["redis-flush"]

"""Users take turns within a priority, by what jobs cost and users weigh: nobody waits for another's crowd."""

import random
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import combinations
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, update
from sqlmodel import col, select

from shared.configuration.choices import IN_TURNS, Sharing
from shared.jobs import before_start, lifecycle
from shared.jobs.cancel import cancel_many
from shared.jobs.claim.claims import Claim
from shared.jobs.errors import PromptLost
from shared.messaging.messenger import Messenger
from shared.models import ComfyUIServer, GenerationJob, JobAttempt, Outcome, User, UserTurn
from shared.models.jobs.generation_job import DEFAULT_PRIORITY
from tests.jobs import ANOTHER_USER, SERVER, USER, answering, claimed, job, new_job, output, remember, submitted
from tests.plans import plans_of

SLOTS = 1000
OLDEST_FIRST = Sharing(is_fair=False)
KINDS = {"slow": 9.0, "usual": 5.0, "quick": 2.0}
LOST = PromptLost("gpu", "p")


@pytest.fixture(autouse=True)
def server(messenger: Messenger) -> None:
    answering(messenger, slots=SLOTS)


def many(messenger: Messenger, user: UUID, count: int, *, sharing: Sharing = IN_TURNS, **values: object) -> list[int]:
    jobs = [new_job(user_id=user, **values) for _ in range(count)]
    with messenger.transaction() as session:
        before_start.submit_all(session, jobs, sharing=sharing)
    return [one.id for one in jobs]


def next_claim(messenger: Messenger) -> Claim:
    claim = claimed(messenger)
    assert claim is not None
    return claim


def order(messenger: Messenger) -> Iterator[int]:
    """The jobs that wait, as they are claimed."""
    while claim := claimed(messenger):
        yield claim.job.id


def owners(messenger: Messenger) -> list[UUID]:
    """The owners of the jobs that wait, in the order of their turns."""
    return [job(messenger, job_id).user_id for job_id in order(messenger)]


def finish(messenger: Messenger, user: UUID = USER, priority: int = DEFAULT_PRIORITY) -> float:
    with messenger.transaction() as session:
        return session.get_one(UserTurn, (user, priority)).finish


def weigh(messenger: Messenger, user: UUID, weight: float) -> None:
    with messenger.transaction() as session:
        session.get_one(User, user).weight = weight


def test_who_comes_late_need_not_wait_for_all_that_came_before(messenger: Messenger) -> None:
    many(messenger, USER, 50)
    next_claim(messenger)
    many(messenger, ANOTHER_USER, 3)
    assert owners(messenger)[:7].count(ANOTHER_USER) == 3


@pytest.mark.broad
def test_five_jobs_beside_five_thousand_are_done_after_twelve(messenger: Messenger) -> None:
    answering(messenger, slots=1)
    for _ in range(10):
        many(messenger, USER, 500)
    few, ended = [], []
    for number in range(13):
        claim = next_claim(messenger)
        ended.append(claim.job.id)
        if number == 0:
            few = many(messenger, ANOTHER_USER, 5)
        with messenger.transaction() as session:
            lifecycle.complete(session, claim.lease, [output(claim)])
    assert set(few) <= set(ended[1:])


def test_who_comes_late_has_nothing_to_catch_up_on(messenger: Messenger) -> None:
    many(messenger, USER, 20)
    for _ in range(10):
        next_claim(messenger)
    many(messenger, ANOTHER_USER, 10)
    after = owners(messenger)
    assert Counter(after[:8]) == {USER: 4, ANOTHER_USER: 4}


def test_jobs_of_one_user_keep_their_order(messenger: Messenger) -> None:
    first, second = many(messenger, USER, 5), many(messenger, USER, 5)
    assert list(order(messenger)) == first + second


def test_twice_the_weight_is_twice_the_share(messenger: Messenger) -> None:
    weigh(messenger, USER, 2)
    many(messenger, USER, 20)
    many(messenger, ANOTHER_USER, 20)
    assert Counter(owners(messenger)[:15]) == {USER: 10, ANOTHER_USER: 5}


def test_users_share_the_time_and_not_the_number_of_jobs(messenger: Messenger) -> None:
    for kind in ("slow", "quick"):
        remember(messenger, kind, {"slow": 40, "quick": 10}[kind])
    many(messenger, USER, 10, workflow_key="slow")
    many(messenger, ANOTHER_USER, 40, workflow_key="quick")
    assert Counter(owners(messenger)[:20]) == {USER: 4, ANOTHER_USER: 16}


def test_a_job_that_failed_to_run_keeps_its_turn(messenger: Messenger) -> None:
    many(messenger, USER, 3)
    many(messenger, ANOTHER_USER, 3)
    claim = next_claim(messenger)
    with messenger.transaction() as session:
        lifecycle.retry(session, claim.lease, LOST, Outcome.RETRIED, timedelta(0))
    assert next_claim(messenger).job.id == claim.job.id


def test_what_is_cancelled_before_it_ran_costs_nothing(messenger: Messenger) -> None:
    kept, crowd = many(messenger, USER, 1), many(messenger, USER, 30)
    many(messenger, ANOTHER_USER, 10)
    with messenger.transaction() as session:
        cancel_many(session, crowd)
    after = many(messenger, USER, 1)
    assert set(list(order(messenger))[:4]) >= {*kept, *after}


def test_a_deadline_that_passed_costs_nothing(messenger: Messenger) -> None:
    (late,) = many(messenger, USER, 1)
    before = finish(messenger)
    with messenger.transaction() as session:
        passed = update(GenerationJob).where(col(GenerationJob.id) == late)
        session.exec(passed.values(deadline_at=func.now() - timedelta(seconds=1)))
        before_start.expire(session, [late])
    assert finish(messenger) == before - job(messenger, late).turn_cost


def test_a_job_for_later_takes_its_turn_when_its_time_comes(messenger: Messenger) -> None:
    with messenger.transaction() as session:
        soon = session.exec(select(func.now())).one()
    later = many(messenger, ANOTHER_USER, 5, run_after=soon)
    many(messenger, USER, 20)
    for _ in range(10):
        next_claim(messenger)
    with messenger.transaction() as session:
        before_start.wake(session, later)
    assert Counter(owners(messenger)[:9]) == {USER: 4, ANOTHER_USER: 5}


def test_another_priority_is_another_line(messenger: Messenger) -> None:
    moved, *_ = many(messenger, USER, 3)
    before = finish(messenger)
    (urgent,) = many(messenger, USER, 1, priority=9)
    with messenger.transaction() as session:
        before_start.amend(session, moved, priority=9)
    assert list(order(messenger))[:2] == [urgent, moved]
    assert finish(messenger) < before


@pytest.mark.broad
def test_two_who_move_jobs_past_each_other_do_not_wait_for_each_other(messenger: Messenger) -> None:
    jobs = {priority: many(messenger, USER, 1, priority=priority) for priority in (1, 8)}

    def move(priority: int) -> None:
        for _ in range(20):
            for wanted in (9 - priority, priority):
                with messenger.transaction() as session:
                    before_start.reprioritize(session, jobs[priority], wanted)

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(move, jobs))
    assert [job(messenger, jobs[priority][0]).priority for priority in jobs] == [1, 8]


def test_after_a_pause_all_start_equal(messenger: Messenger) -> None:
    many(messenger, USER, 10)
    assert len(list(order(messenger))) == 10
    many(messenger, ANOTHER_USER, 6)
    many(messenger, USER, 6)
    assert Counter(owners(messenger)[:6]) == {USER: 3, ANOTHER_USER: 3}


@pytest.mark.parametrize("end", ["completed", "failed", "cancelled"])
def test_what_a_job_took_is_paid_at_its_end(messenger: Messenger, end: str) -> None:
    submitted(messenger)
    claim = next_claim(messenger)
    started = update(JobAttempt).where(col(JobAttempt.job_id) == claim.job.id)
    with messenger.transaction() as session:
        session.exec(started.values(started_at=func.now() - timedelta(seconds=1000)))
    with messenger.transaction() as session:
        if end == "completed":
            lifecycle.complete(session, claim.lease, [output(claim)])
        elif end == "failed":
            lifecycle.fail(session, claim.lease, LOST)
        else:
            cancel_many(session, [claim.job.id])
            lifecycle.confirm_cancel(session, claim.lease)
    assert 1000 <= finish(messenger) < 1100


def test_without_fairness_the_oldest_goes_first(messenger: Messenger) -> None:
    first = many(messenger, USER, 5, sharing=OLDEST_FIRST)
    second = many(messenger, ANOTHER_USER, 2, sharing=OLDEST_FIRST)
    assert list(order(messenger)) == first + second


def test_fairness_that_is_switched_off_lets_those_in_line_go_first(messenger: Messenger) -> None:
    fair = many(messenger, USER, 5)
    old = many(messenger, ANOTHER_USER, 2, sharing=OLDEST_FIRST)
    assert list(order(messenger)) == fair + old


def test_fairness_that_is_switched_on_lets_nobody_pass_by_much(messenger: Messenger) -> None:
    old = many(messenger, USER, 5, sharing=OLDEST_FIRST)
    many(messenger, ANOTHER_USER, 5)
    assert set(old) <= set(list(order(messenger))[:6])


# Of the last ones most jobs are parked, as their owners' running jobs are limited.
LIMITED = Sharing(running_jobs=SLOTS)
CROWDS = [
    (0, 6, IN_TURNS),
    (0, 150, LIMITED),
    *(pytest.param(seed, 6, IN_TURNS, marks=pytest.mark.long) for seed in range(1, 4)),
    pytest.param(1, 150, LIMITED, marks=pytest.mark.long),
]


@pytest.mark.parametrize(("seed", "most", "sharing"), CROWDS)
def test_no_user_is_ahead_by_more_than_one_job_of_each(
    messenger: Messenger, seed: int, most: int, sharing: Sharing
) -> None:
    """The bound of start-time fair queueing, for each time in which two users both have jobs waiting."""
    chance = random.Random(seed)
    for kind, seconds in KINDS.items():
        remember(messenger, kind, seconds)
    weights = {uuid4(): weight for weight in (0.5, 1.0, 3.0)}
    with messenger.transaction() as session:
        for user, weight in weights.items():
            session.add(User(id=user, name=str(user), weight=weight))
    waiting: Counter[UUID] = Counter()
    served = dict.fromkeys(weights, 0.0)
    ahead: dict[tuple[UUID, UUID], list[float]] = {}  # since both of a pair have jobs waiting
    for _ in range(120):
        if chance.random() < 0.3:
            user, count = chance.choice(list(weights)), chance.randint(1, most)
            many(messenger, user, count, sharing=sharing, workflow_key=chance.choice(list(KINDS)))
            waiting[user] += count
        elif waiting.total():
            taken = next_claim(messenger).job
            waiting[taken.user_id] -= 1
            served[taken.user_id] += KINDS[taken.workflow_key or ""] / weights[taken.user_id]
        for a, b in combinations(weights, 2):
            if waiting[a] and waiting[b]:
                ahead.setdefault((a, b), []).append(served[a] - served[b])
            else:
                ahead.pop((a, b), None)
        for (a, b), found in ahead.items():
            bound = max(KINDS.values()) / weights[a] + max(KINDS.values()) / weights[b]
            assert max(found) - min(found) <= bound + 1e-6
    assert any(served.values())


def test_a_server_keeps_its_checkpoint_within_a_turn_or_two(messenger: Messenger) -> None:
    with messenger.transaction() as session:
        values = {"loaded_checkpoint": "b", "loaded_since": func.now()}
        session.exec(update(ComfyUIServer).where(col(ComfyUIServer.name) == SERVER).values(**values))
    many(messenger, USER, 1, checkpoint_model="a")
    many(messenger, ANOTHER_USER, 2, checkpoint_model="b")
    assert owners(messenger) == [ANOTHER_USER, ANOTHER_USER, USER]


def test_the_turns_of_many_jobs_are_reckoned_once(messenger: Messenger) -> None:
    """And not once more for each of them, as where few are expected: 500 then took nine seconds."""
    jobs = many(messenger, USER, 3)
    plans = plans_of(messenger.engine, lambda session: before_start.reprioritize(session, jobs, 8))
    given = next(plan for plan in plans if "joining" in plan.statement)
    assert "turns" in {node.get("CTE Name") for node in given.nodes}

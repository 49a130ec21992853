"""How many jobs of a user wait is known without counting them each time, and never for fewer than there are."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event

from api_service.limits.waiting_jobs import GOOD_FOR_S, WaitingJobs
from shared.accounts.quotas import queued_jobs
from shared.accounts.users import read_submitter
from shared.configuration.choices import Sharing
from shared.jobs import before_start, lifecycle
from shared.jobs.cancel import cancel_one
from shared.jobs.claim.claims import Claim
from shared.jobs.errors import PromptLost
from shared.messaging.messenger import Messenger
from shared.models import Outcome
from tests.jobs import ANOTHER_USER, USER, answering, claimed, new_job, output, submitted

LATER = datetime(2100, 1, 1, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def known(clock: Clock) -> WaitingJobs:
    return WaitingJobs(clock=clock)


def have_room(messenger: Messenger, known: WaitingJobs, most: int, more: int = 1) -> bool:
    with messenger.transaction() as session:
        _, accepted = read_submitter(session, USER)
        return known.have_room(session, USER, accepted, most=most, more=more)


@contextmanager
def counts(engine: Engine) -> Iterator[list[str]]:
    """The times that jobs are counted within the block."""
    found: list[str] = []

    def heard(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if "count_jobs" in statement:
            found.append(statement)

    event.listen(engine, "before_cursor_execute", heard)
    yield found
    event.remove(engine, "before_cursor_execute", heard)


def many(messenger: Messenger, count: int, **values: Any) -> None:
    with messenger.transaction() as session:
        before_start.submit_all(session, [new_job(**values) for _ in range(count)])


def test_they_are_counted_once_until_there_may_be_no_room(messenger: Messenger, known: WaitingJobs) -> None:
    with counts(messenger.engine) as found:
        for _ in range(7):
            assert have_room(messenger, known, 10)
            submitted(messenger)
        assert len(found) == 1
        many(messenger, 3, run_after=LATER)
        assert not have_room(messenger, known, 10)
        assert len(found) == 2
    assert have_room(messenger, known, 10, more=0)


def test_what_others_accept_is_known_at_once(messenger: Messenger, known: WaitingJobs) -> None:
    """Other processes, priorities, batches, and jobs for later: each counts."""
    assert have_room(messenger, known, 6, more=6)
    many(messenger, 2, priority=7)
    many(messenger, 3, run_after=LATER)
    many(messenger, 50, user_id=ANOTHER_USER)
    assert have_room(messenger, known, 6)
    assert not have_room(messenger, known, 6, more=2)


def test_jobs_that_come_back_from_a_worker_count(messenger: Messenger, known: WaitingJobs) -> None:
    answering(messenger, slots=2)
    many(messenger, 2)
    held = [claimed(messenger), claimed(messenger)]
    assert have_room(messenger, known, 3)
    many(messenger, 1)
    with messenger.transaction() as session:
        for claim in held:
            assert claim
            lifecycle.retry(session, claim.lease, PromptLost("gpu", "p"), Outcome.RETRIED, timedelta(0))
    assert not have_room(messenger, known, 3)


def test_a_job_that_was_for_later_counts_once(messenger: Messenger, known: WaitingJobs) -> None:
    assert have_room(messenger, known, 3)
    many(messenger, 2, run_after=datetime(2000, 1, 1, tzinfo=UTC))
    with messenger.transaction() as session:
        before_start.wake(session, before_start.due_pending(session, 10))
    with counts(messenger.engine) as found:
        assert have_room(messenger, known, 3)
    assert not found


def test_what_a_release_before_this_one_accepts_is_noticed_within_a_minute(
    messenger: Messenger, known: WaitingJobs, clock: Clock
) -> None:
    assert have_room(messenger, known, 2)
    with messenger.transaction() as session:
        before_start.submit_all(session, [new_job(), new_job()], sharing=Sharing(is_fair=False))
    clock.now += GOOD_FOR_S - 0.1
    assert have_room(messenger, known, 2)
    clock.now += 0.1
    assert not have_room(messenger, known, 2)


def test_where_users_take_no_turns_they_are_counted_each_time(messenger: Messenger) -> None:
    known = WaitingJobs(is_fair=False)
    with counts(messenger.engine) as found:
        assert have_room(messenger, known, 2)
        assert have_room(messenger, known, 2)
    assert len(found) == 2


@pytest.mark.parametrize("seed", range(3))
def test_whatever_happens_there_is_room_if_and_only_if_there_is(
    messenger: Messenger, known: WaitingJobs, seed: int
) -> None:
    chance, most = random.Random(seed), 12
    held: list[Claim] = []
    answering(messenger, slots=5)

    def give_up(end: Callable[[Any, Claim], object]) -> None:
        if held:
            with messenger.transaction() as session:
                end(session, held.pop(chance.randrange(len(held))))

    def take() -> None:
        if claim := claimed(messenger):
            held.append(claim)

    def put_back(session: Any, claim: Claim) -> None:
        lifecycle.retry(session, claim.lease, PromptLost("gpu", "p"), Outcome.RETRIED, timedelta(0))

    def drop() -> None:
        with messenger.transaction() as session:
            if claim := (held.pop() if held else None):
                cancel_one(session, claim.job.id)

    deeds: list[Callable[[], object]] = [
        *[lambda: many(messenger, chance.randint(1, 4), priority=chance.choice([5, 7]))] * 3,
        lambda: many(messenger, 1, run_after=LATER),
        *[take] * 3,
        lambda: give_up(lambda session, claim: lifecycle.complete(session, claim.lease, [output(claim)])),
        lambda: give_up(put_back),
        drop,
    ]
    with counts(messenger.engine) as found:
        for _ in range(60):
            chance.choice(deeds)()
            more = chance.randint(1, 3)
            with messenger.transaction() as session:
                waiting = queued_jobs(session, USER)
            assert have_room(messenger, known, most, more) == (waiting + more <= most)
    assert len(found) < 60

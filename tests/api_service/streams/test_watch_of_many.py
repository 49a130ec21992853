"""A watch of many jobs tells each of them like a watch of one, and finds those that nobody told it of."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import strategies as st

from api_service.streams.watch import HELD_EVENTS, LATE, ServerStops, TooSlow, Watch, WatchPosition, position_at
from shared.messaging.events import Event
from shared.models import EventType
from tests.api_service.streams.test_watch import next_of, progress, told
from tests.hypotheses import given
from tests.jobs import USER

BEGUN = datetime(2026, 1, 1, tzinfo=UTC)
LAST = 4  # events that each job of these tests has; the last one is its end


def event(job_id: int, sequence: int, at: datetime = BEGUN) -> Event:
    kind = EventType.COMPLETED if sequence == LAST else EventType.QUEUED
    return Event(type=kind, job_id=job_id, user_id=USER, attempt=1, at=at, sequence=sequence)


def watch(*job_ids: int) -> Watch:
    """A watch of all jobs, whose snapshot had these at their first event."""
    made = Watch(asyncio.Event())
    made.start({job_id: WatchPosition(1) for job_id in job_ids}, BEGUN)
    return made


def numbers(events: list[Event], job_id: int) -> list[int | None]:
    return [one.sequence for one in events if one.job_id == job_id]


@given(
    st.lists(st.tuples(st.integers(1, 3), st.integers(1, LAST)), max_size=40),
    st.integers(0, 40),
    st.dictionaries(st.integers(1, 3), st.integers(1, LAST)),
    st.integers(0, 40),
)
def test_each_job_is_told_without_gap_or_doubling(
    heard: list[tuple[int, int]], before: int, snapshot: dict[int, int], looked_at: int
) -> None:
    watching = Watch(asyncio.Event())
    for position, (job_id, sequence) in enumerate(heard):
        if position == before:
            watching.start({job: position_at(reached, None) for job, reached in snapshot.items()}, BEGUN)
        if position == looked_at and watching.started:
            watching.discover(dict.fromkeys(range(1, 4)), BEGUN + timedelta(seconds=5))
        watching.offer(event(job_id, sequence))
    if not watching.started:
        watching.start({job: position_at(reached, None) for job, reached in snapshot.items()}, BEGUN)
    if any(sequence > watching.positions[job_id].sequence for job_id, sequence in heard):
        assert watching.missed.is_set()
    watching.discover(dict.fromkeys(range(1, 4)), BEGUN + timedelta(seconds=10))
    # Then the rows are read, as they are whenever something was missed.
    for job_id, reached in list(watching.known()):
        for sequence in range(reached + 1, LAST + 1):
            watching.offer(event(job_id, sequence))
    events = told(watching)
    for job_id in (1, 2, 3):
        assert numbers(events, job_id) == list(range(snapshot.get(job_id, 0) + 1, LAST + 1))


def test_a_job_that_had_ended_before_the_snapshot_is_no_news() -> None:
    watching = watch()
    now = BEGUN + timedelta(seconds=5)
    watching.discover({1: BEGUN - timedelta(seconds=1), 2: BEGUN + timedelta(seconds=1), 3: None}, now)
    assert dict(watching.known()) == {2: 0, 3: 0}


def test_jobs_that_ended_are_forgotten_once_nothing_can_come_of_them() -> None:
    watching = watch(1, 2)
    for sequence in range(2, LAST + 1):
        watching.offer(event(1, sequence))
    assert dict(watching.known()) == {2: 1}
    watching.discover({1: BEGUN, 2: None}, BEGUN + LATE)
    watching.offer(event(1, LAST))
    assert numbers(told(watching), 1) == [2, 3, 4], "what comes late is not told again"
    watching.discover({2: None}, BEGUN + LATE + timedelta(seconds=1))
    assert set(watching.positions) == {2}


def test_progress_of_a_job_waits_for_its_beginning() -> None:
    watching = watch()
    watching.offer(progress(1))
    assert watching.missed.is_set()
    for sequence in (1, 2):
        watching.offer(event(1, sequence))
    watching.offer(progress(2))
    assert [one.sequence for one in told(watching)] == [1, 2, None]


def test_more_than_is_kept_before_the_snapshot_is_asked_for_again() -> None:
    watching = Watch(asyncio.Event())
    for job_id in range(HELD_EVENTS + 10):
        watching.offer(event(job_id, 1))
    watching.start({}, BEGUN)
    assert watching.missed.is_set()
    assert len(told(watching)) == HELD_EVENTS
    assert not watching.why


@pytest.mark.parametrize("why", [TooSlow(), ServerStops()])
def test_who_waits_is_told_why_it_ends(why: TooSlow | ServerStops) -> None:
    async def wait() -> None:
        watching = watch(1)
        waiting = asyncio.create_task(next_of(watching))
        await asyncio.sleep(0)
        watching.end(why)
        watching.offer(event(1, 2))
        await waiting

    with pytest.raises(type(why)):
        asyncio.run(wait())

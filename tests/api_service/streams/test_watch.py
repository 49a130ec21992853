"""A watch tells each event once and in order, whatever order and however often it hears of it."""

import asyncio
from datetime import UTC, datetime

import pytest
from hypothesis import strategies as st

from api_service.streams.watch import HELD_EVENTS, HELD_PROGRESS, JobWatch, TooSlow, Watch
from shared.messaging.events import Event
from shared.models import EventType
from tests.hypotheses import given
from tests.jobs import USER, new_job


def event(sequence: int) -> Event:
    return Event(type=EventType.QUEUED, job_id=1, user_id=USER, attempt=1, at=datetime.now(UTC), sequence=sequence)


def progress(tick: int, attempt: int = 1) -> Event:
    return Event.live(EventType.PROCESSING, new_job(id=1, attempt=attempt), at=datetime.now(UTC), tick=tick, data={})


def watch(sequence: int | None = 0) -> JobWatch:
    made = JobWatch(1, asyncio.Event())
    if sequence is not None:
        made.begin(sequence, None)
    return made


def told(watch: Watch) -> list[Event]:
    return [event for _ in range(watch.queue.qsize()) if (event := watch.queue.get_nowait())]


def test_what_comes_before_the_snapshot_is_kept_and_what_it_includes_is_not_told_again() -> None:
    early = watch(sequence=None)
    for number in (1, 2, 3):
        early.offer(event(number))
    assert told(early) == []
    early.begin(2, None)
    assert [one.sequence for one in told(early)] == [3]


def test_what_comes_twice_is_told_once() -> None:
    watching = watch()
    for number in (1, 1, 2, 1, 2):
        watching.offer(event(number))
    assert [one.sequence for one in told(watching)] == [1, 2]


def test_a_gap_is_asked_for_and_not_jumped() -> None:
    watching = watch()
    watching.offer(event(2))
    assert watching.missed.is_set()
    assert told(watching) == []
    for number in (1, 2):
        watching.offer(event(number))
    assert [one.sequence for one in told(watching)] == [1, 2]


@given(st.lists(st.integers(1, 6)), st.integers(0, 6), st.integers(0, 6))
def test_in_any_order_it_tells_a_run_without_gap_or_doubling(heard: list[int], before: int, snapshot: int) -> None:
    watching = watch(sequence=None)
    for position, number in enumerate(heard):
        if position == before:
            watching.begin(snapshot, None)
        watching.offer(event(number))
    if not watching.started:
        watching.begin(snapshot, None)
    # Then the rows are read, as they are whenever something was missed.
    for number in range(1, 7):
        watching.offer(event(number))
    assert [one.sequence for one in told(watching)] == list(range(snapshot + 1, 7))


def test_progress_never_goes_back_nor_comes_twice() -> None:
    watching = watch()
    for tick, attempt in ((2, 1), (1, 1), (2, 1), (3, 1), (1, 2), (4, 1)):
        watching.offer(progress(tick, attempt))
    assert [(one.attempt, one.tick) for one in told(watching)] == [(1, 2), (1, 3), (2, 1)]


def test_progress_that_the_snapshot_shows_is_not_told_again() -> None:
    watching = watch(sequence=None)
    watching.offer(progress(4))
    watching.begin(1, progress(5))
    for tick in (5, 6):
        watching.offer(progress(tick))
    assert [one.tick for one in told(watching)] == [6]


def test_a_slow_reader_misses_progress_before_it_misses_events() -> None:
    watching = watch()
    for tick in range(1, 2 * HELD_PROGRESS):
        watching.offer(progress(tick))
    watching.offer(event(1))
    heard = told(watching)
    assert len(heard) == HELD_PROGRESS + 1
    assert heard[-1].sequence == 1


async def next_of(watch: Watch) -> Event:
    return await watch.next()


def test_a_reader_that_is_too_slow_is_told_so() -> None:
    watching = watch()
    for number in range(1, HELD_EVENTS + 2):
        watching.offer(event(number))
    with pytest.raises(TooSlow):
        asyncio.run(next_of(watching))

"""Once a minute the scheduler notes how much there is to do, and what there is to do it with."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import func, update
from sqlmodel import col, select

from shared.fleet.servers import drain
from shared.messaging.messenger import Messenger
from shared.models import GenerationJob, HistorySample, User
from tests.jobs import ANOTHER_USER, answering, running, submitted
from worker_service.scheduler.history import take_sample
from worker_service.scheduler.schedule import SCHEDULE


def sample(messenger: Messenger) -> HistorySample:
    take_sample(messenger.engine)
    with messenger.transaction() as session:
        return session.exec(select(HistorySample)).one()


def test_a_sample_says_who_waits_by_priority_and_how_long(messenger: Messenger) -> None:
    for priority in (5, 5, 9):
        submitted(messenger, priority=priority)
    submitted(messenger, run_after=datetime.now(UTC) + timedelta(hours=1))
    with messenger.transaction() as session:
        ago = func.now() - timedelta(minutes=5)
        session.execute(update(GenerationJob).where(col(GenerationJob.priority) == 9).values(run_after=ago))
    found = sample(messenger)
    assert found.waiting == [0, 0, 0, 0, 0, 2, 0, 0, 0, 1]
    assert 299 < (found.oldest_wait_s or 0) < 400
    assert found.at == found.at.replace(second=0, microsecond=0)


def test_where_nothing_is_there_that_is_a_sample_too(messenger: Messenger) -> None:
    found = sample(messenger)
    assert (found.waiting, found.oldest_wait_s) == ([0] * 10, None)
    assert (found.slots, found.slots_used, found.servers, found.servers_busy, found.stored_bytes) == (0, 0, 0, 0, 0)


def test_a_sample_counts_slots_of_usable_servers_and_servers_with_a_job(messenger: Messenger) -> None:
    answering(messenger, "idle", slots=3)
    running(messenger)
    found = sample(messenger)
    assert (found.slots_used, found.servers, found.servers_busy) == (1, 2, 1)


def test_a_server_that_is_drained_counts_while_it_has_a_job_and_offers_no_slots(messenger: Messenger) -> None:
    works = running(messenger).job.server
    assert works
    with messenger.transaction() as session:
        drain(session, works)
    found = sample(messenger)
    assert (found.slots, found.slots_used, found.servers, found.servers_busy) == (0, 1, 1, 1)


def test_a_sample_adds_up_what_all_users_have_stored(messenger: Messenger) -> None:
    with messenger.transaction() as session:
        session.execute(update(User).values(stored_bytes=0))
        session.execute(update(User).where(col(User.id) == ANOTHER_USER).values(stored_bytes=5_000_000_000))
    assert sample(messenger).stored_bytes == 5_000_000_000


def test_a_minute_is_noted_once(messenger: Messenger) -> None:
    with messenger.transaction() as session:
        minute = session.execute(select(func.date_trunc("minute", func.now()))).scalar_one()
    for _ in range(3):
        take_sample(messenger.engine)
    with messenger.transaction() as session:
        moments = session.exec(select(HistorySample.at)).all()
    assert len(moments) == len(set(moments))
    assert set(moments) <= {minute, minute + timedelta(minutes=1)}


def test_the_scheduler_notes_one_each_minute() -> None:
    assert [sweep.every for sweep in SCHEDULE if sweep.name == "note how much there is to do"] == [timedelta(minutes=1)]

"""Workers that are gone are forgotten, but not while it matters to a job whether one lived on."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine
from sqlmodel import col, select

from shared.jobs import lifecycle
from shared.messaging.messenger import Messenger
from shared.models import Worker
from tests.jobs import claimed, running, silence
from tests.shared.jobs.expectations import BROKEN
from worker_service.scheduler.schedule import SCHEDULE
from worker_service.scheduler.sweeps import forget_workers

DAY = timedelta(days=1, minutes=1)


def seen(messenger: Messenger, name: str, ago: timedelta) -> None:
    with messenger.transaction() as session:
        session.merge(Worker(id=name, threads=1, last_seen_at=datetime.now(UTC) - ago))


def workers(messenger: Messenger) -> list[str]:
    with messenger.transaction() as session:
        return list(session.exec(select(Worker.id).order_by(col(Worker.id))))


def test_one_that_was_not_seen_for_a_day_is_forgotten(messenger: Messenger, engine: Engine) -> None:
    seen(messenger, "here", timedelta(0))
    seen(messenger, "quiet", timedelta(hours=23))
    seen(messenger, "gone", DAY)
    assert forget_workers(engine) == 1
    assert workers(messenger) == ["here", "quiet"]
    assert forget_workers(engine) == 0


def test_one_stays_while_a_job_goes_on_that_it_let_go(messenger: Messenger, engine: Engine) -> None:
    claim = running(messenger)
    silence(messenger, claim.job.id)
    again = claimed(messenger, worker="worker-2")
    assert again is not None
    seen(messenger, "worker-1", DAY)
    assert forget_workers(engine) == 0
    with messenger.transaction() as session:
        lifecycle.fail(session, again.lease, BROKEN)
    assert forget_workers(engine) == 1


def test_it_is_on_the_schedule() -> None:
    assert "forget workers that are gone" in {sweep.name for sweep in SCHEDULE}

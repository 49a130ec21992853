"""The scheduler that leads tells what the rows say; the others, and one without its database, say nothing of them."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from sqlalchemy import Engine, func, text, update
from sqlmodel import col

from shared.configuration.settings import load_settings
from shared.database.clock import database_time
from shared.database.engine import create_engine, transaction
from shared.fleet.servers import drain
from shared.messaging.messenger import Messenger
from shared.models import GenerationJob, Worker
from tests import jobs
from worker_service.scheduler.gauges import RowGauges


def told(engine: Engine, name: str, **labels: str) -> float | None:
    """What a scheduler that leads tells now."""
    registry = CollectorRegistry()
    with RowGauges(engine, registry).leading():
        return registry.get_sample_value(f"genonaut_{name}", labels)


def test_jobs_are_told_by_status_and_none_is_a_figure_too(messenger: Messenger) -> None:
    jobs.running(messenger)
    jobs.submitted(messenger)
    found = {name: told(messenger.engine, "jobs", status=name) for name in ("queued", "running", "cancelling")}
    assert found == {"queued": 1, "running": 1, "cancelling": 0}
    assert told(messenger.engine, "jobs", status="completed") is None


def test_the_oldest_job_that_may_start_is_told_by_priority(messenger: Messenger) -> None:
    old, later = jobs.submitted(messenger, priority=3), jobs.submitted(messenger, priority=5)
    with messenger.transaction() as session:
        ids = col(GenerationJob.id)
        ago = func.now() - timedelta(minutes=5)
        session.exec(update(GenerationJob).where(ids == old).values(created_at=ago, run_after=ago))
        in_an_hour = func.now() + timedelta(hours=1)
        session.exec(update(GenerationJob).where(ids == later).values(run_after=in_an_hour))
    assert (told(messenger.engine, "oldest_waiting_seconds", priority="3") or 0) >= 300
    assert told(messenger.engine, "oldest_waiting_seconds", priority="5") is None


def test_work_that_waits_is_told_in_seconds_as_the_view_has_it(messenger: Messenger) -> None:
    assert told(messenger.engine, "waiting_work_seconds") == 0
    jobs.submitted(messenger)
    known = jobs.submitted(messenger)
    with messenger.transaction() as session:
        session.exec(update(GenerationJob).where(col(GenerationJob.id) == known).values(turn_cost=2.5))
        session.execute(text("UPDATE users SET weight = 2"))
        session.exec(update(GenerationJob).where(col(GenerationJob.id) != known).values(turn_cost=0))
    assert told(messenger.engine, "waiting_work_seconds") == 10 + 2.5 * 2
    with transaction(messenger.engine) as session:
        assert session.execute(text("SELECT jobs, seconds FROM waiting_work")).one() == (2, 15)


def test_a_server_is_told_with_its_slots_and_its_state(messenger: Messenger) -> None:
    jobs.running(messenger)
    assert told(messenger.engine, "slots", server=jobs.SERVER) == 2
    assert told(messenger.engine, "slots_used", server=jobs.SERVER) == 1
    with messenger.transaction() as session:
        drain(session, jobs.SERVER)
    assert told(messenger.engine, "slots", server=jobs.SERVER) == 0
    assert told(messenger.engine, "server_state", server=jobs.SERVER, state="draining") == 1
    assert told(messenger.engine, "server_state", server=jobs.SERVER, state="up") == 0


def test_workers_count_while_they_are_seen(messenger: Messenger) -> None:
    with messenger.transaction() as session:
        now = database_time(session)
        session.add(Worker(id="here", threads=1, last_seen_at=now))
        session.add(Worker(id="gone", threads=1, last_seen_at=now - timedelta(minutes=2)))
    assert told(messenger.engine, "workers") == 1
    assert told(messenger.engine, "webhooks_due") == 0


def test_one_that_stands_by_says_only_that_it_does(messenger: Messenger) -> None:
    registry = CollectorRegistry()
    gauges = RowGauges(messenger.engine, registry)
    assert registry.get_sample_value("genonaut_scheduler_leads") == 0
    assert registry.get_sample_value("genonaut_workers") is None
    with gauges.leading():
        assert registry.get_sample_value("genonaut_scheduler_leads") == 1
        assert registry.get_sample_value("genonaut_workers") == 0
    assert registry.get_sample_value("genonaut_workers") is None


def test_without_its_database_a_leader_tells_no_old_figures(environ: dict[str, str]) -> None:
    nowhere = load_settings({**environ, "DATABASE_URL": "postgresql://127.0.0.1:9/x"})
    engine = create_engine(nowhere, application="x")
    assert told(engine, "scheduler_leads") == 1
    assert told(engine, "workers") is None


@pytest.mark.parametrize("asked", [2, 5])
def test_however_many_ask_the_rows_are_counted_once(messenger: Messenger, asked: int) -> None:
    registry = CollectorRegistry()
    with RowGauges(messenger.engine, registry).leading():
        before = registry.get_sample_value("genonaut_jobs", {"status": "queued"})
        jobs.submitted(messenger)
        assert {registry.get_sample_value("genonaut_jobs", {"status": "queued"}) for _ in range(asked)} == {before}


@pytest.mark.parametrize(("took_s", "rests_s"), [(0.1, 5), (1, 10), (60, 120)])
def test_what_takes_long_to_count_is_counted_seldom(
    messenger: Messenger, monkeypatch: pytest.MonkeyPatch, took_s: float, rests_s: float
) -> None:
    now, counted_at = [0.0], list[float]()

    def count(_gauges: RowGauges) -> Sequence[Metric]:
        counted_at.append(now[0])
        now[0] += took_s
        return ()

    monkeypatch.setattr(RowGauges, "count", count)
    gauges = RowGauges(messenger.engine, CollectorRegistry(), lambda: now[0])
    for later_s in (0, took_s + rests_s - 0.01, took_s + rests_s):
        now[0] = later_s
        gauges.rows()
    assert counted_at == [0, took_s + rests_s]

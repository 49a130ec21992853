"""Of several schedulers one leads; one that is gone, or says nothing any more, does not keep the others from it."""

import time
from datetime import timedelta

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

from shared.configuration.settings import load_settings
from shared.database.engine import create_engine
from shared.messaging.opening import open_messenger
from tests.worker_service.waiting import until
from worker_service.scheduler.leadership import leadership
from worker_service.scheduler.main import run_sweep
from worker_service.scheduler.schedule import SCHEDULE, Sweep, SweepResources, due_work, quotas


@pytest.fixture
def database_url(own_database: str) -> str:
    return own_database


def leads(engine: Engine) -> bool:
    with leadership(engine) as held:
        return held is not None


def test_one_leads_and_the_others_stand_by_until_it_lets_go(engine: Engine) -> None:
    with leadership(engine) as held:
        assert held is not None
        assert not leads(engine)
    assert leads(engine)


def test_a_leader_that_speaks_stays_leader(engine: Engine) -> None:
    until(lambda: was_leader_for_longer(engine, silence_s=1.5))


def was_leader_for_longer(engine: Engine, *, silence_s: float) -> bool:
    """Whether one that kept speaking was leader all the time; False if this machine kept it from speaking."""
    with leadership(engine, silence=timedelta(seconds=silence_s)) as held:
        assert held is not None
        began = spoke = time.monotonic()
        while time.monotonic() < began + 1.2 * silence_s:
            others_lead = leads(engine)
            if time.monotonic() > spoke + silence_s / 2:
                return False
            assert not others_lead
            held.execute(text("SELECT 1"))
            spoke = time.monotonic()
            time.sleep(silence_s / 15)
    return True


def test_a_leader_that_is_stopped_loses_its_lock_and_is_told_when_it_goes_on(engine: Engine) -> None:
    with leadership(engine, silence=timedelta(seconds=1)) as held:
        assert held is not None
        until(lambda: leads(engine), lambda: "the lock of a silent leader was never free")
        with pytest.raises(SQLAlchemyError):
            held.execute(text("SELECT 1"))


@pytest.mark.parametrize("sweep", SCHEDULE, ids=lambda sweep: sweep.name)
def test_without_its_database_a_sweep_waits_for_the_next_time(sweep: Sweep, environ: dict[str, str]) -> None:
    settings = load_settings({**environ, "DATABASE_URL": "postgresql://127.0.0.1:9/x"})
    engine = create_engine(settings, application="x")
    messenger = open_messenger(engine, settings)
    resources = SweepResources(messenger, due_work(settings), quotas(settings))
    with pytest.raises(SQLAlchemyError):
        sweep.action(resources)
    run_sweep(sweep, resources)
    messenger.close()

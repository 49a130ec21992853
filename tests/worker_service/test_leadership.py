"""Of several schedulers one leads; one that is gone, or says nothing any more, does not keep the others from it."""

import time
from datetime import timedelta

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

from worker_service.scheduler import leadership


def leads(engine: Engine) -> bool:
    with leadership(engine) as held:
        return held is not None


def test_one_leads_and_the_others_stand_by_until_it_lets_go(engine: Engine) -> None:
    with leadership(engine) as held:
        assert held is not None
        assert not leads(engine)
    assert leads(engine)


def test_a_leader_that_speaks_stays_leader(engine: Engine) -> None:
    with leadership(engine, silence=timedelta(seconds=3)) as held:
        assert held is not None
        for _ in range(18):
            held.execute(text("SELECT 1"))
            assert not leads(engine)
            time.sleep(0.2)


def test_a_leader_that_is_stopped_loses_its_lock_and_is_told_when_it_goes_on(engine: Engine) -> None:
    with leadership(engine, silence=timedelta(milliseconds=200)) as held:
        assert held is not None
        deadline = time.monotonic() + 30
        while not leads(engine):
            assert time.monotonic() < deadline, "the lock of a silent leader was never free"
            time.sleep(0.05)
        with pytest.raises(SQLAlchemyError):
            held.execute(text("SELECT 1"))

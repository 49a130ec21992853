"""Connections that were lost while nobody used them cost nobody anything, and all plan as our statements want it."""

import time

import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from shared.configuration.settings import Settings
from shared.database.engine import ASKED_AFTER, create_engine, reading, single, transaction
from shared.database.troubles.unavailable import is_unavailable

PID = text("SELECT pg_backend_pid()")
END = text("SELECT pg_terminate_backend(:pid)")
LIVES = text("SELECT count(*) FROM pg_stat_activity WHERE pid = :pid")
LAST = text("SELECT query FROM pg_stat_activity WHERE pid = :pid")


@pytest.fixture
def database_url(own_database: str) -> str:
    return own_database


@pytest.fixture
def one(settings: Settings) -> Engine:
    """An engine with a single connection."""
    return create_engine(settings, application="tests", connections=1)


def pid_of(engine: Engine) -> int:
    with transaction(engine) as session:
        return int(session.execute(PID).scalar_one())


def ended(connection: Connection, pid: int) -> None:
    connection.execute(END, {"pid": pid})
    while connection.execute(LIVES, {"pid": pid}).scalar_one():
        connection.rollback()  # what is seen of the others stays the same within a transaction
        time.sleep(0.01)


def test_statements_are_never_compiled_and_prepared_ones_are_planned_for_all_values(one: Engine) -> None:
    with transaction(one) as session:
        settings = {name: session.execute(text(f"SHOW {name}")).scalar_one() for name in ("jit", "plan_cache_mode")}
    assert settings == {"jit": "off", "plan_cache_mode": "force_generic_plan"}


def test_a_connection_that_the_server_has_closed_is_replaced_before_it_is_used(one: Engine, engine: Engine) -> None:
    first = pid_of(one)
    assert pid_of(one) == first
    with engine.connect() as connection:
        ended(connection, first)
    assert pid_of(one) != first
    one.dispose()


def test_one_that_was_idle_for_a_while_is_asked_whether_it_lives(one: Engine, engine: Engine) -> None:
    pid = pid_of(one)
    time.sleep(ASKED_AFTER.total_seconds() * 1.2)
    with one.connect(), engine.connect() as connection:
        asked = connection.execute(LAST, {"pid": pid}).scalar_one()
    assert asked == "SELECT 1", "and not the COMMIT of the transaction before"
    one.dispose()


@pytest.mark.parametrize("before", [0, 1])
def test_a_server_that_goes_while_somebody_reads_costs_no_place_in_the_pool(
    one: Engine, engine: Engine, before: int
) -> None:
    for _ in range(3):  # there is a single connection: one that is not given back would be waited for
        pid = pid_of(one)
        with engine.connect() as other, pytest.raises(DBAPIError) as raised, reading(one) as session:
            for _ in range(before):
                assert session.execute(PID).scalar_one() == pid
            ended(other, pid)
            session.execute(PID)
        assert is_unavailable(raised.value)
    assert pid_of(one) != pid


def test_what_was_read_before_the_server_went_counts(one: Engine, engine: Engine) -> None:
    for _ in range(3):
        with engine.connect() as other, reading(one) as session:
            pid = session.execute(PID).scalar_one()
            ended(other, pid)
    assert pid_of(one) != pid


def test_the_connection_that_was_used_last_is_used_next(engine: Engine) -> None:
    """It is warm: it was looked at just now, and knows what was prepared."""
    with engine.connect(), engine.connect():
        pass  # two are open now
    assert len({pid_of(engine) for _ in range(4)}) == 1


def test_what_is_raised_while_somebody_reads_comes_out_and_costs_no_connection(one: Engine) -> None:
    pid = pid_of(one)
    with pytest.raises(ZeroDivisionError), reading(one) as session:
        session.execute(PID)
        raise ZeroDivisionError
    assert pid_of(one) == pid


def test_a_single_statement_that_writes_is_committed_by_itself(one: Engine, engine: Engine) -> None:
    with pytest.raises(ZeroDivisionError), single(one) as session:
        session.execute(text("INSERT INTO workers (id, threads) VALUES ('w', 1)"))
        raise ZeroDivisionError
    with engine.connect() as connection:
        assert connection.execute(text("SELECT id FROM workers")).scalars().all() == ["w"]


def test_each_statement_of_somebody_who_reads_is_a_transaction(one: Engine) -> None:
    with reading(one) as session:
        first, second = (session.execute(text("SELECT now()")).scalar_one() for _ in range(2))
    assert first < second
    with transaction(one) as session:
        first, second = (session.execute(text("SELECT now()")).scalar_one() for _ in range(2))
    assert first == second

"""Connections that were lost while nobody used them cost nobody anything, and all plan as our statements want it."""

import time

import pytest
from sqlalchemy import Connection, Engine, text

from shared.configuration.settings import Settings
from shared.database.engine import ASKED_AFTER, create_engine, transaction

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

"""No descriptor of a connection to a replica outlives it, whatever the pool says of its end."""

import gc
import socket
from typing import Any

import pytest
from sqlalchemy import Engine, event

from shared.database.engine import reading
from shared.database.replica import Lines


@pytest.fixture
def lines(engine: Engine) -> Lines:
    return Lines(engine)


def line_of(lines: Lines) -> socket.socket:
    (line,) = lines.open.values()
    assert line.fileno() > 0
    return line


def test_one_that_ends_lets_go(engine: Engine, lines: Lines) -> None:
    with reading(engine):
        line = line_of(lines)
    engine.dispose()
    assert (line.fileno(), list(lines.open)) == (-1, [])


def test_one_that_fails_while_it_is_prepared_lets_go(engine: Engine, lines: Lines) -> None:
    made = []

    def fail(_driver: Any, _record: object) -> None:
        made.append(line_of(lines))
        raise ConnectionError

    event.listen(engine, "connect", fail)
    for _ in range(3):
        with pytest.raises(ConnectionError):
            engine.connect()
        gc.collect()
    assert [line.fileno() for line in made] == [-1, -1, -1]
    assert not list(lines.open)


def test_one_that_was_opened_after_the_last_lets_go(engine: Engine, lines: Lines) -> None:
    engine.dispose()
    lines.close()
    with reading(engine):
        line = line_of(lines)
    engine.dispose()
    gc.collect()
    assert line.fileno() == -1


def test_one_in_use_is_cut(engine: Engine, lines: Lines) -> None:
    with engine.connect() as connection:
        line = line_of(lines)
        engine.dispose()
        lines.close()
        assert line.fileno() == -1
        with pytest.raises(Exception, match="closed"):
            connection.exec_driver_sql("SELECT 1")

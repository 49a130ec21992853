"""A host that is dead behind an open connection is noticed within half a minute, whoever opened it."""

import socket

import pytest
from sqlalchemy import Connection, Engine

from migrations.upgrade import connected

# What the kernel is told of a connection, by the option: after that, nobody waits for the other side any more.
SILENT_S = {socket.TCP_KEEPIDLE: 10, socket.TCP_KEEPINTVL: 5, socket.TCP_KEEPCNT: 3}
UNACKNOWLEDGED_MS = 25_000


def told(connection: Connection, option: int) -> int:
    driver = connection.connection.dbapi_connection
    assert driver is not None
    with socket.fromfd(driver.fileno(), socket.AF_INET, socket.SOCK_STREAM) as same:
        return same.getsockopt(socket.IPPROTO_TCP, option)


def is_told(connection: Connection) -> None:
    assert {option: told(connection, option) for option in SILENT_S} == SILENT_S
    assert told(connection, socket.TCP_USER_TIMEOUT) == UNACKNOWLEDGED_MS


def test_a_service_gives_it_up(engine: Engine) -> None:
    with engine.connect() as connection:
        is_told(connection)


@pytest.mark.parametrize("driver", ["postgresql", "postgresql+psycopg2"])
def test_a_migration_gives_it_up(database_url: str, driver: str) -> None:
    with connected(f"{driver}://{database_url.partition('://')[2]}") as connection:
        is_told(connection)

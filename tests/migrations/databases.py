"""Rows in and out of a test's database, as PostgreSQL has them."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count
from typing import Any

from sqlalchemy import Connection, NullPool, create_engine, make_url, text

from deploy.local.postgres import create_database, drop_database, named

Row = Mapping[str, Any]

LEGACY = "0001_legacy_tables"
MERGED = "merge_generation_tables"
DISPATCH = "job_dispatch"
ACCOUNTS = "accounts_and_requests"
FLEET = "fleet"
NAMED = "named_servers"
TICKETS = "resumable_tickets"


@contextmanager
def transaction(url: str) -> Iterator[Connection]:
    with create_engine(url, poolclass=NullPool).begin() as connection:
        yield connection


def execute(url: str, *statements: str, **values: Any) -> None:
    with transaction(url) as connection:
        for statement in statements:
            connection.execute(text(statement), values)


def fetch(url: str, query: str, **values: Any) -> list[Row]:
    with transaction(url) as connection:
        return [dict(row) for row in connection.execute(text(query), values).mappings()]


def value(url: str, query: str, **values: Any) -> Any:
    """The one value of a query's one row."""
    [row] = fetch(url, query, **values)
    [only] = row.values()
    return only


def table(url: str, name: str) -> list[Row]:
    """A table's rows by id. JSON columns are their text, exactly, and times have no zone and are UTC."""
    columns = fetch(
        url,
        "SELECT column_name AS name, data_type AS type FROM information_schema.columns"
        " WHERE table_schema = 'public' AND table_name = :name",
        name=name,
    )
    shown = ", ".join(as_text(column["name"], column["type"]) for column in columns)
    return fetch(url, f"SELECT {shown} FROM {name} ORDER BY id")


def as_text(name: str, kind: str) -> str:
    match kind:
        case "json" | "jsonb":
            return f"{name}::text AS {name}"
        case "timestamp with time zone":
            return f"{name} AT TIME ZONE 'UTC' AS {name}"
        case _:
            return name


def insert(url: str, name: str, rows: Sequence[Row]) -> None:
    """Insert rows that have the same columns; JSON is given as text."""
    if not rows:
        return
    columns = ", ".join(rows[0])
    values = ", ".join(f":{column}" for column in rows[0])
    with transaction(url) as connection:
        connection.execute(text(f"INSERT INTO {name} ({columns}) VALUES ({values})"), list(rows))


class Databases:
    """Databases made on one server, and dropped again."""

    def __init__(self, server: str) -> None:
        self.server = server
        self.numbers = count(1)
        self.names: list[str] = []

    def make(self, template: str | None = None) -> str:
        """The URL of a new database, empty or a copy of the one at `template`."""
        name = f"migrations_{os.getpid()}_{next(self.numbers)}"
        create_database(self.server, name, name_in(template) if template else "template0")
        self.names.append(name)
        return named(self.server, name)

    @contextmanager
    def lent(self, template: str | None = None) -> Iterator[str]:
        """The same, dropped when the block ends."""
        url = self.make(template)
        yield url
        self.drop(url)

    def drop(self, url: str) -> None:
        self.names.remove(name_in(url))
        drop_database(self.server, name_in(url))

    def drop_all(self) -> None:
        for name in tuple(self.names):
            self.drop(named(self.server, name))


def name_in(url: str) -> str:
    return make_url(url).database or ""

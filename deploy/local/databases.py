"""Databases are made and dropped beside the one that a URL names."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from urllib.parse import quote, urlsplit

import psycopg2
from psycopg2 import extensions, sql

CONNECTED_WITHIN_S = 5
DRIVER = "postgresql+psycopg2"


def named(url: str, name: str) -> str:
    """The same server's URL for another database."""
    return urlsplit(url)._replace(path=f"/{quote(name, safe='')}").geturl()


def create_database(url: str, name: str, template: str | None = None) -> bool:
    """Create a database, as a copy of `template` if one is named. False if there is one of that name already."""
    statement = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name))
    if template:
        statement += sql.SQL(" TEMPLATE {}").format(sql.Identifier(template))
    with connected(url) as connection, connection.cursor() as cursor:
        try:
            cursor.execute(statement)
        except psycopg2.errors.DuplicateDatabase:
            return False
    return True


def drop_database(url: str, name: str) -> None:
    """Drop a database if there is one, and end the connections to it."""
    statement = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
    with connected(url) as connection, connection.cursor() as cursor:
        cursor.execute(statement)


@contextmanager
def connected(url: str) -> Iterator[extensions.connection]:
    """A connection without a transaction around each statement. Raises psycopg2.OperationalError."""
    scheme, _, rest = url.partition("://")
    dsn = f"{scheme.partition('+')[0]}://{rest}"
    with closing(psycopg2.connect(dsn, connect_timeout=CONNECTED_WITHIN_S)) as connection:
        connection.autocommit = True
        yield connection

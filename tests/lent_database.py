"""One database serves test after test: each is lent it under a name of its own, and finds it as if it were new."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

from psycopg2 import errors, sql
from psycopg2.extensions import connection as Connection  # noqa: N812 - it is a class
from sqlmodel import SQLModel

import shared.models  # noqa: F401 - names all tables to the metadata
from deploy.local.postgres import connected, named
from deploy.local.servers import Servers
from tests.jobs import ANOTHER_USER, USER

GONE_WITHIN_S = 10.0
POLL_S = 0.001

LEFT = """
SELECT pid, application_name, state, query, pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s
"""
RESTART_SEQUENCES = "SELECT setval(seqrelid, seqstart, false) FROM pg_sequence"
ADD_USERS = f"INSERT INTO users (id, name) VALUES ('{USER}', 'somebody'), ('{ANOTHER_USER}', 'somebody else')"
DELETE_ALL = [f"DELETE FROM {table.name}" for table in reversed(SQLModel.metadata.sorted_tables)]
AS_IF_NEW = "; ".join([*DELETE_ALL, RESTART_SEQUENCES, ADD_USERS])  # without a parameter, they are sent together


class LentDatabase:
    """A copy of `template`, which has the two users, on a server. `admin` is a connection to another database there.

    A copy for each test would take 130 ms and more; this takes ten.
    """

    def __init__(self, servers: Servers, admin: Connection, template: str) -> None:
        self.servers = servers
        self.admin = admin
        self.name = new_name()
        servers.create_database(self.name, template)

    @property
    def url(self) -> str:
        return named(self.servers.database_url, self.name)

    @contextmanager
    def lent(self) -> Iterator[str]:
        """Its URL, which is good until the block ends. Then the database is emptied for the next."""
        try:
            yield self.url
        finally:
            self.take_back()
            with connected(self.url) as connection, connection.cursor() as cursor:
                cursor.execute(AS_IF_NEW)

    def take_back(self) -> None:
        """End all connections, and rename it: a thread that a test left behind does not reach the next test's rows."""
        renamed = new_name()
        rename = sql.SQL("ALTER DATABASE {} RENAME TO {}")
        deadline = time.monotonic() + GONE_WITHIN_S
        with self.admin.cursor() as cursor:
            while True:
                cursor.execute(LEFT, [self.name])
                if not (left := cursor.fetchall()):
                    try:
                        cursor.execute(rename.format(sql.Identifier(self.name), sql.Identifier(renamed)))
                    except errors.ObjectInUse:  # by somebody who came just now
                        continue
                    self.name = renamed
                    return
                assert time.monotonic() < deadline, f"these connections to {self.name} do not end: {left}"
                time.sleep(POLL_S)


def new_name() -> str:
    return f"test_{uuid4().hex}"

"""One database serves test after test: each is lent it as a user of its own, and finds it as if it were new."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from urllib.parse import urlsplit
from uuid import uuid4

from psycopg2 import sql
from psycopg2.extensions import connection as Connection  # noqa: N812 - it is a class
from sqlalchemy import Column
from sqlmodel import SQLModel

import shared.models  # noqa: F401 - names all tables to the metadata
from deploy.local.postgres import connected
from deploy.local.servers import Servers
from shared.database.columns import OF_A_JOB
from tests.jobs import ANOTHER_USER, USER
from tests.kept_connections import keeping

GONE_WITHIN_S = 10.0
POLL_S = 0.001
PASSWORD = "lent"

LEFT = """
SELECT pid, application_name, state, query, pg_terminate_backend(pid)
FROM pg_stat_activity WHERE datname = %s AND pid <> ALL(%s)
"""
RESTART_SEQUENCES = "SELECT setval(seqrelid, seqstart, false) FROM pg_sequence"
ADD_USERS = f"INSERT INTO users (id, name) VALUES ('{USER}', 'somebody'), ('{ANOTHER_USER}', 'somebody else')"
DELETE_ALL = [f"DELETE FROM {table.name}" for table in reversed(SQLModel.metadata.sorted_tables)]
AS_IF_NEW = "; ".join([*DELETE_ALL, RESTART_SEQUENCES, ADD_USERS])  # without a parameter, they are sent together


def of_jobs() -> Iterator[Column[object]]:
    """The columns that name a job: no foreign key holds them to one."""
    for table in SQLModel.metadata.tables.values():
        yield from (column for column in table.columns if column.info.get(OF_A_JOB))
    yield SQLModel.metadata.tables["generation_jobs"].c.parent_id


WHOSE_JOB_IS_GONE = " UNION ALL ".join(
    f"SELECT '{column}' FROM {column.table.name} AS of_a_job WHERE of_a_job.{column.name} IS NOT NULL"
    f" AND NOT EXISTS (SELECT FROM generation_jobs AS job WHERE job.id = of_a_job.{column.name})"
    for column in of_jobs()
)


class LentDatabase:
    """A copy of `template`, which has the two users, on a server. `admin` is a connection to another database there.

    A copy for each test would take 130 ms and more; this takes two. The connection that empties it is kept, as a new
    one would first have to learn of all tables, which takes ten.
    """

    def __init__(self, servers: Servers, admin: Connection, template: str) -> None:
        self.servers = servers
        self.admin = admin
        self.name = new_name()
        self.user = new_name()
        self.kept = ExitStack()
        self.own_url = servers.create_database(self.name, template)
        self.tell("CREATE ROLE {} LOGIN SUPERUSER PASSWORD {}", sql.Identifier(self.user), sql.Literal(PASSWORD))
        self.emptying = self.kept.enter_context(connected(self.own_url))
        self.connections = self.kept.enter_context(keeping(self.name))

    def close(self) -> None:
        self.kept.close()
        self.servers.drop_database(self.name)
        self.tell("DROP ROLE {}", sql.Identifier(self.user))

    @property
    def url(self) -> str:
        return as_user(self.own_url, self.user, PASSWORD)

    @contextmanager
    def lent(self) -> Iterator[str]:
        """Its URL, which is good until the block ends. Then the database is emptied for the next."""
        self.connections.lend(self.user, PASSWORD)
        try:
            yield self.url
        finally:
            self.take_back()
            with self.emptying.cursor() as cursor:
                cursor.execute(WHOSE_JOB_IS_GONE)  # what foreign keys would refuse
                left = {name for (name,) in cursor.fetchall()}
                cursor.execute(AS_IF_NEW)
            assert not left, f"these have rows whose job is not there: {left}"

    def take_back(self) -> None:
        """Rename its user, and end all connections that are in use: a thread that a test left behind does not reach the
        next's rows."""
        spared = [self.emptying.info.backend_pid, *self.connections.take_back()]
        renamed = new_name()
        self.tell("ALTER ROLE {} RENAME TO {}", sql.Identifier(self.user), sql.Identifier(renamed))
        self.user = renamed
        deadline = time.monotonic() + GONE_WITHIN_S
        with self.admin.cursor() as cursor:
            while True:
                cursor.execute(LEFT, [self.name, spared])
                if not (left := cursor.fetchall()):
                    return
                assert time.monotonic() < deadline, f"these connections to {self.name} do not end: {left}"
                time.sleep(POLL_S)

    def tell(self, statement: str, *parts: sql.Composable) -> None:
        with self.admin.cursor() as cursor:
            cursor.execute(sql.SQL(statement).format(*parts))


def as_user(url: str, user: str, password: str) -> str:
    """The same database for somebody else."""
    parts = urlsplit(url)
    return parts._replace(netloc=f"{user}:{password}@{parts.netloc.rpartition('@')[2]}").geturl()


def new_name() -> str:
    return f"test_{uuid4().hex}"

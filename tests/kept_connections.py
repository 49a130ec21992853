"""Connections to the lent database are kept from test to test: a new one costs PostgreSQL a process, which has to learn
of all tables again."""

import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

import psycopg2
from psycopg2.extensions import TRANSACTION_STATUS_IDLE
from psycopg2.extensions import connection as Connection  # noqa: N812 - it is a class

MOST = 12  # of one process of tests
LOGIN = {"user", "password"}

Terms = tuple[tuple[str, Any], ...]


class KeptConnections:
    """Those to one database that engines have closed. Only who knows the login of the moment gets one of them, and as
    if it were new: without a transaction, a lock, a prepared statement, or a setting but those it began with.

    What no engine has closed is not kept: it is ended with its test.
    """

    def __init__(self) -> None:
        self.guard = threading.Lock()
        self.login: tuple[str, str] | None = None
        self.free: dict[Terms, list[Connection]] = defaultdict(list)
        self.used: WeakKeyDictionary[Connection, Terms] = WeakKeyDictionary()

    def lend(self, user: str, password: str) -> None:
        with self.guard:
            self.login = user, password

    def take_back(self) -> list[int]:
        """Whoever logs in as before gets none any more. Gives the processes of those that are kept."""
        with self.guard:
            self.login = None
            self.used.clear()
            return [connection.info.backend_pid for free in self.free.values() for connection in free]

    def close(self) -> None:
        with self.guard:
            self.login = None
            for free in self.free.values():
                while free:
                    free.pop().close()

    def opened(self, arguments: dict[str, Any]) -> Connection:
        """One that was kept, or a new one."""
        terms = tuple(sorted((name, value) for name, value in arguments.items() if name not in LOGIN))
        connection = self.taken(terms, arguments) or driver_connection(arguments)
        with self.guard:
            if self.is_lent_to(arguments):
                self.used[connection] = terms
        return connection

    def taken(self, terms: Terms, arguments: dict[str, Any]) -> Connection | None:
        while True:
            with self.guard:
                if not self.is_lent_to(arguments) or not self.free[terms]:
                    return None
                connection = self.free[terms].pop()
            try:
                tell(connection, "RESET application_name")
            except psycopg2.Error:  # a test has ended it
                connection.close()
            else:
                return connection

    def is_lent_to(self, arguments: dict[str, Any]) -> bool:
        return self.login is not None and self.login == (arguments.get("user"), arguments.get("password"))

    def closed(self, connection: Connection) -> None:
        """Keep it, or close it."""
        with self.guard:
            terms = self.used.pop(connection, None)
        if terms is not None and self.is_as_new(connection):
            with self.guard:
                # Not if its test has ended meanwhile: then it is ended, too.
                if self.login is not None and sum(map(len, self.free.values())) < MOST:
                    self.free[terms].append(connection)
                    return
        connection.close()

    def is_as_new(self, connection: Connection) -> bool:
        """Whether it could be made so."""
        try:
            if connection.closed or connection.info.transaction_status != TRANSACTION_STATUS_IDLE:
                return False
            tell(connection, "DISCARD ALL", "SET application_name = 'kept by tests'")
        except psycopg2.Error:
            return False
        connection.set_session(isolation_level="default", readonly="default", deferrable="default")
        connection.notices.clear()
        connection.notifies.clear()
        return True


def tell(connection: Connection, *statements: str) -> None:
    """Outside of any transaction."""
    connection.autocommit = True
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
    connection.autocommit = False


# By the name of their database.
kept: dict[str, KeptConnections] = {}


@contextmanager
def keeping(database: str) -> Iterator[KeptConnections]:
    """Keep the connections to a database until the block ends."""
    kept[database] = KeptConnections()
    try:
        yield kept[database]
    finally:
        kept.pop(database).close()


def opened(arguments: dict[str, Any]) -> Connection:
    """What an engine gets for a connection."""
    if found := kept.get(str(arguments.get("dbname", arguments.get("database")))):
        return found.opened(arguments)
    return driver_connection(arguments)


def driver_connection(arguments: dict[str, Any]) -> Connection:
    connection: Connection = psycopg2.connect(**arguments)
    return connection


def closed(connection: Connection) -> None:
    """What an engine does in the end with a connection."""
    if found := kept.get(connection.info.dbname if not connection.closed else ""):
        found.closed(connection)
    else:
        connection.close()

"""What SQLAlchemy makes of a statement is made once in a process of tests, and not again for the engine of each test.

A fifth of what a test of the API computed was the same SQL, written anew.
"""

from typing import Any, Self

from sqlalchemy import Connection, Engine
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.psycopg2 import PGDialect_psycopg2
from sqlalchemy.util import LRUCache

from tests import kept_connections

KEPT = 5000

made: dict[Any, "KeptDialect"] = {}
statements: Any = LRUCache(KEPT)


class KeptDialect(PGDialect_psycopg2):
    """One for all engines that are made with the same options. What it asks a server at first, it asks once."""

    supports_statement_cache = True
    is_made = is_initialized = False

    def __new__(cls, **options: Any) -> Self:
        return made.setdefault(tuple(sorted(options.items(), key=str)), super().__new__(cls))  # type: ignore[return-value]

    def __init__(self, **options: Any) -> None:
        if not self.is_made:
            super().__init__(**options)  # type: ignore[no-untyped-call]
            self.is_made = True

    def initialize(self, connection: Connection) -> None:
        if not self.is_initialized:
            super().initialize(connection)  # type: ignore[no-untyped-call]
            self.is_initialized = True

    def connect(self, *positional: Any, **named: Any) -> Any:
        return super().connect(*positional, **named) if positional else kept_connections.opened(named)

    def do_close(self, dbapi_connection: Any) -> None:
        kept_connections.closed(dbapi_connection)

    def do_terminate(self, dbapi_connection: Any) -> None:
        dbapi_connection.close()

    @classmethod
    def engine_created(cls, engine: Engine) -> None:
        engine._compiled_cache = statements


def keep_statements() -> None:
    registry.register("postgresql.psycopg2", __name__, KeptDialect.__name__)

"""A prepared statement is planned once in a while, and not each time: our longest take longer to plan than to run.

`docs/decisions/0031-claims-are-prepared.md` says why, and what was measured.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from datetime import timedelta
from functools import cached_property
from typing import Any, Generic, TypeVar

from psycopg2.extensions import AsIs
from sqlalchemy import BindParameter, ClauseElement, Connection, Executable, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.compiler import SQLCompiler
from sqlmodel import Session

from shared.database.prepared_call import DIALECT, Call, Found
from shared.database.sessions import is_pooled

T = TypeVar("T")

KEPT_FOR = timedelta(seconds=10)  # a plan that was made for a table while it was small does not stay for longer


def compiled(statement: ClauseElement) -> SQLCompiler:
    """The statement as PostgreSQL reads it, with places for its parameters."""
    found = statement.compile(dialect=DIALECT)
    assert isinstance(found, SQLCompiler)
    return found


def changing(statement: SQLCompiler) -> Mapping[str, BindParameter[Any]]:
    """What changes from call to call, in the order of its places; the other parameters are constants."""
    return {name: bind for name, bind in statement.binds.items() if bind.required}


def filled_in(statement: SQLCompiler, places: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """The text of a statement and its parameters: its constants as the driver takes them, and `places` for the rest."""
    found = statement.construct_expanded_state(places)
    constants = {
        name: process(found.parameters[name]) for name, process in found.processors.items() if name not in places
    }
    return found.statement, {**found.parameters, **constants}


def listed(parts: Iterable[str]) -> str:
    """In brackets, which PostgreSQL wants only around something."""
    inner = ", ".join(parts)
    return f" ({inner})" if inner else ""


def raise_as_sqlalchemy(connection: Connection, statement: str, error: BaseException) -> None:
    """Raise what SQLAlchemy makes of what the driver has raised. A connection that has ended is taken out of the pool,
    and so is one in whose midst a time limit was raised. Other errors are left to whoever has caught them."""
    errors = connection.dialect.loaded_dbapi.Error
    if isinstance(error, errors):
        has_ended = connection.dialect.is_disconnect(error, connection.connection, None)
        if has_ended:
            connection.invalidate(error)
        raise DBAPIError.instance(
            statement, {}, error, errors, hide_parameters=True, connection_invalidated=has_ended
        ) from error
    if not isinstance(error, Exception):
        connection.invalidate(error)


class Prepared(Generic[T]):
    """A statement with names for what changes, kept by each connection that has run it once.

    Through a pooler it is sent whole each time: the next transaction may be on a connection that does not know it.

    `row` makes something of the values of a row. `columns` are those of its rows, in their order: they say which types
    these have, where the driver does not know them.
    """

    def __init__(
        self,
        name: str,
        statement: Executable,
        *,
        row: Callable[..., T],
        columns: Sequence[Any] = (),
    ) -> None:
        self.name = name
        self.statement = statement
        self.row = row
        self.columns = columns

    @cached_property
    def compiled(self) -> SQLCompiler:
        assert isinstance(self.statement, ClauseElement)
        return compiled(self.statement)

    @cached_property
    def changing(self) -> Mapping[str, BindParameter[Any]]:
        return changing(self.compiled)

    @cached_property
    def call(self) -> Call:
        """What runs it."""
        return Call(self.name, self.changing, [column.type for column in self.columns])

    @cached_property
    def watched_call(self) -> Any:
        """The same for SQLAlchemy."""
        named = text(f"EXECUTE {self.name}{listed(f':{name}' for name in self.changing)}")
        typed = named.bindparams(*self.changing.values())
        return typed.columns(*self.columns) if self.columns else typed

    def one_or_none(self, session: Session, values: Mapping[str, Any]) -> T | None:
        """Run it for the single row that it gives, or none. `values` may hold more than it has names for."""
        found = self.execute(session, values).one_or_none()
        return None if found is None else self.row(*found)

    def all(self, session: Session, values: Mapping[str, Any]) -> list[T]:
        """Run it for all its rows."""
        return [self.row(*found) for found in self.execute(session, values)]

    def execute(self, session: Session, values: Mapping[str, Any]) -> Found:
        """Run it for its rows as they are. Whoever listens to the connection hears of it as of any statement."""
        connection = session.connection()
        if is_pooled(connection):
            return self.executed(connection, self.statement, values)
        self.prepare(connection)
        if connection.dispatch.before_cursor_execute:
            return self.executed(connection, self.watched_call, values)
        try:
            return self.call.rows(connection, values)
        except BaseException as error:
            raise_as_sqlalchemy(connection, self.call.text, error)
            raise

    def executed(self, connection: Connection, statement: Executable, values: Mapping[str, Any]) -> Found:
        result = connection.execute(statement, {name: values[name] for name in self.changing})
        return Found(map(tuple, result)) if result.returns_rows else Found()

    def prepare(self, connection: Connection) -> None:
        """Let the connection know it; anew if it has known it for long."""
        until = connection.info.setdefault("prepared", {})
        if (now := time.monotonic()) < until.get(self.name, 0):
            return
        try:
            with closing(connection.connection.cursor()) as cursor:
                if self.name in until:
                    cursor.execute(f"DEALLOCATE {self.name}")
                    del until[self.name]
                cursor.execute(*self.preparation)
        except BaseException as error:
            raise_as_sqlalchemy(connection, "PREPARE", error)
            raise
        until[self.name] = now + KEPT_FOR.total_seconds()

    @cached_property
    def preparation(self) -> tuple[str, Mapping[str, Any]]:
        """The statement that prepares it, with its constants as parameters, and places for what changes."""
        places = {name: AsIs(f"${place}") for place, name in enumerate(self.changing, 1)}
        statement, parameters = filled_in(self.compiled, places)
        types = listed(bind.type.compile(DIALECT) for bind in self.changing.values())
        return f"PREPARE {self.name}{types} AS {statement}", parameters

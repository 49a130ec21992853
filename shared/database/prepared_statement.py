"""A prepared statement is planned once in a while, and not each time: our longest take longer to plan than to run.

`docs/decisions/0031-claims-are-prepared.md` says why, and what was measured.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import timedelta
from functools import cached_property
from typing import Any, Generic, TypeVar

from psycopg2.extensions import AsIs
from sqlalchemy import BindParameter, ClauseElement, Connection, CursorResult, Executable, text
from sqlalchemy.dialects.postgresql import psycopg2
from sqlalchemy.exc import DBAPIError, MultipleResultsFound
from sqlalchemy.sql.compiler import SQLCompiler
from sqlmodel import Session

from shared.database.sessions import is_pooled

T = TypeVar("T")

KEPT_FOR = timedelta(seconds=10)  # a plan that was made for a table while it was small does not stay for longer
DIALECT = psycopg2.dialect()  # type: ignore[no-untyped-call]


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


@contextmanager
def raising_as_sqlalchemy(connection: Connection, statement: str) -> Iterator[None]:
    """What the driver raises in the block comes out as what SQLAlchemy makes of it, and a connection that has ended is
    taken out of the pool."""
    errors = connection.dialect.loaded_dbapi.Error
    try:
        yield
    except errors as error:
        has_ended = connection.dialect.is_disconnect(error, connection.connection, None)
        if has_ended:
            connection.invalidate(error)
        raise DBAPIError.instance(
            statement, {}, error, errors, hide_parameters=True, connection_invalidated=has_ended
        ) from error


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
        self.made: list[Callable[[Any], Any] | None] | None = None

    @cached_property
    def compiled(self) -> SQLCompiler:
        assert isinstance(self.statement, ClauseElement)
        return compiled(self.statement)

    @cached_property
    def changing(self) -> Mapping[str, BindParameter[Any]]:
        return changing(self.compiled)

    @cached_property
    def call(self) -> Any:
        """The statement that runs it."""
        named = text(f"EXECUTE {self.name}{listed(f':{name}' for name in self.changing)}")
        typed = named.bindparams(*self.changing.values())
        return typed.columns(*self.columns) if self.columns else typed

    def one_or_none(self, session: Session, values: Mapping[str, Any]) -> T | None:
        """Run it for the single row that it gives, or none. `values` may hold more than it has names for."""
        found = self.rows(session, values)
        if len(found) > 1:
            raise MultipleResultsFound(f"{self.name} gave {len(found)} rows where one was expected")
        return self.row(*found[0]) if found else None

    def all(self, session: Session, values: Mapping[str, Any]) -> list[T]:
        """Run it for all its rows."""
        return [self.row(*found) for found in self.rows(session, values)]

    def rows(self, session: Session, values: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
        """Run it for the values of its rows; for none, if it gives none.

        The driver is asked itself: what SQLAlchemy does around a statement takes twice as long as all else here.
        """
        connection = session.connection()
        if is_pooled(connection):
            whole = connection.execute(self.statement, {name: values[name] for name in self.changing})
            return whole.all() if whole.returns_rows else []
        self.prepare(connection)
        statement, processors = self.driven
        given = {name: process(values[name]) if process else values[name] for name, process in processors.items()}
        with raising_as_sqlalchemy(connection, statement), closing(connection.connection.cursor()) as cursor:
            for listener in connection.dispatch.before_cursor_execute:  # as who looks at all statements expects
                listener(connection, cursor, statement, given, None, False)
            cursor.execute(statement, given)
            if cursor.description is None:
                return []
            found, makers = cursor.fetchall(), self.makers(connection, cursor.description) if self.columns else None
        if makers is None:
            return found
        return [[make(value) if make else value for make, value in zip(makers, row, strict=True)] for row in found]

    def execute(self, session: Session, values: Mapping[str, Any]) -> CursorResult[*tuple[Any, ...]]:
        connection, given = session.connection(), {name: values[name] for name in self.changing}
        if is_pooled(connection):
            return connection.execute(self.statement, given)
        self.prepare(connection)
        return connection.execute(self.call, given)

    @cached_property
    def driven(self) -> tuple[str, Mapping[str, Callable[[Any], Any] | None]]:
        """What the driver is to be sent to run it, and what makes each parameter one that it takes."""
        kinds = {name: bind.type.dialect_impl(DIALECT) for name, bind in self.changing.items()}
        return str(compiled(self.call)), {name: kind.bind_processor(DIALECT) for name, kind in kinds.items()}

    def makers(self, connection: Connection, description: Sequence[Sequence[Any]]) -> Sequence[Any]:
        """What makes the value of each column from what the driver says: None where it is that."""
        if self.made is None:
            dialect, types = (
                connection.dialect,
                [column.type.dialect_impl(connection.dialect) for column in self.columns],
            )
            self.made = [
                kind.result_processor(dialect, about[1]) for kind, about in zip(types, description, strict=True)
            ]
        return self.made

    def prepare(self, connection: Connection) -> None:
        """Let the connection know it; anew if it has known it for long."""
        until = connection.info.setdefault("prepared", {})
        if (now := time.monotonic()) < until.get(self.name, 0):
            return
        with raising_as_sqlalchemy(connection, "PREPARE"), closing(connection.connection.cursor()) as cursor:
            if self.name in until:
                cursor.execute(f"DEALLOCATE {self.name}")
                del until[self.name]
            cursor.execute(*self.preparation)
        until[self.name] = now + KEPT_FOR.total_seconds()

    @cached_property
    def preparation(self) -> tuple[str, Mapping[str, Any]]:
        """The statement that prepares it, with its constants as parameters, and places for what changes."""
        places = {name: AsIs(f"${place}") for place, name in enumerate(self.changing, 1)}
        statement, parameters = filled_in(self.compiled, places)
        types = listed(bind.type.compile(DIALECT) for bind in self.changing.values())
        return f"PREPARE {self.name}{types} AS {statement}", parameters

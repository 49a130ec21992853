"""A prepared statement is planned once in a while, and not each time: our longest take longer to plan than to run.

`docs/decisions/0031-claims-are-prepared.md` says why, and what was measured.
"""

import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import cached_property
from typing import Any

from psycopg2.extensions import AsIs
from sqlalchemy import BindParameter, Connection, CursorResult, text
from sqlalchemy.dialects.postgresql import psycopg2
from sqlmodel import Session

from shared.database.fast_rows import stored_row

KEPT_FOR = timedelta(seconds=10)  # a plan that was made for a table while it was small does not stay for longer


class Prepared:
    """A statement with names for what changes, kept by each connection that has run it once.

    `columns` are those of its rows, in their order, and say which types these have; `entity` is what they make up.
    """

    def __init__(self, name: str, statement: Any, columns: Sequence[Any] = (), entity: Any = None) -> None:
        self.name = name
        self.statement = statement
        self.columns = columns
        self.entity = entity

    @cached_property
    def compiled(self) -> Any:
        return self.statement.compile(dialect=psycopg2.dialect())  # type: ignore[no-untyped-call]

    @cached_property
    def changing(self) -> Mapping[str, BindParameter[Any]]:
        """What changes, in the order of its places; the other parameters are constants of the statement."""
        return {name: bind for name, bind in self.compiled.binds.items() if bind.required}

    @cached_property
    def call(self) -> Any:
        """The statement that runs it."""
        named = text(f"EXECUTE {self.name} ({', '.join(f':{name}' for name in self.changing)})")
        typed = named.bindparams(*self.changing.values())
        return typed.columns(*self.columns) if self.columns else typed

    def execute(self, session: Session, facts: Mapping[str, Any]) -> CursorResult[*tuple[Any, ...]]:
        """Run it; `facts` may hold more than it has names for."""
        connection = session.connection()
        self.prepare(connection)
        return connection.execute(self.call, {name: facts[name] for name in self.changing})

    def load(self, session: Session, facts: Mapping[str, Any]) -> Any:
        """Run it for the single row that it gives, or none, as an object outside of the session."""
        row = self.execute(session, facts).one_or_none()
        return stored_row(self.entity, row._asdict()) if row else None

    def prepare(self, connection: Connection) -> None:
        """Let the connection know it; anew if it has known it for long."""
        until = connection.info.setdefault("prepared", {})
        if (now := time.monotonic()) < until.get(self.name, 0):
            return
        cursor = connection.connection.cursor()
        if self.name in until:
            cursor.execute(f"DEALLOCATE {self.name}")
            del until[self.name]
        cursor.execute(*self.preparation)
        cursor.close()
        until[self.name] = now + KEPT_FOR.total_seconds()

    @cached_property
    def preparation(self) -> tuple[str, Mapping[str, Any]]:
        """The statement that prepares it, with its constants as parameters, and places for what changes."""
        places = {name: AsIs(f"${place}") for place, name in enumerate(self.changing, 1)}
        found = self.compiled.construct_expanded_state(places)
        constants = {
            name: process(found.parameters[name]) for name, process in found.processors.items() if name not in places
        }
        types = ", ".join(bind.type.compile(self.compiled.dialect) for bind in self.changing.values())
        return f"PREPARE {self.name} ({types}) AS {found.statement}", {**found.parameters, **constants}

"""What PostgreSQL does for a deed: the plan of each statement the deed sends, as EXPLAIN tells it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlmodel import Session

from shared.messaging.messenger import EVENTS


@dataclass(frozen=True)
class Plan:
    """One statement's plan: the text of the statement, and the nodes of its plan, outermost first."""

    statement: str
    nodes: list[dict[str, Any]]

    @property
    def indexes(self) -> set[str]:
        return {node["Index Name"] for node in self.nodes if "Index Name" in node}

    @property
    def read_through(self) -> set[str]:
        """The tables that are read from one end to the other."""
        return {node["Relation Name"] for node in self.nodes if node["Node Type"] == "Seq Scan"}

    @property
    def sorted_rows(self) -> int:
        """The most rows that any sort of the plan is expected to take in."""
        return max((node["Plans"][0]["Plan Rows"] for node in self.nodes if node["Node Type"] == "Sort"), default=0)


def plans_of(engine: Engine, deed: Callable[[Session], object]) -> list[Plan]:
    """Do something in a transaction, which is rolled back, and then explain each statement that was sent for it."""
    with engine.connect() as connection, Session(connection, info={EVENTS: []}) as session:
        with recorded(connection) as statements:
            deed(session)
        session.rollback()
        return [Plan(text, explained(connection, text, values)) for text, values in statements]


@contextmanager
def recorded(connection: Connection) -> Iterator[list[tuple[str, Any]]]:
    statements: list[tuple[str, Any]] = []

    def record(_connection: Any, _cursor: Any, text: str, values: Any, _context: Any, many: bool) -> None:
        # Some are sent together; EXPLAIN explains the first, and the others would be done.
        statements.extend((one, values[0] if many else values) for one in text.split("; "))

    event.listen(connection, "before_cursor_execute", record)
    try:
        yield statements
    finally:
        event.remove(connection, "before_cursor_execute", record)


def explained(connection: Connection, text: str, values: Any) -> list[dict[str, Any]]:
    cursor = connection.connection.cursor()
    cursor.execute(f"EXPLAIN (FORMAT JSON) {text}", values)
    (((found,),),) = (cursor.fetchall(),)
    connection.rollback()
    return list(nodes_of(found[0]["Plan"]))


def nodes_of(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for below in node.get("Plans", ()):
        yield from nodes_of(below)

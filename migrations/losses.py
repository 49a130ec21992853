"""What going down would delete: rows, also of tables that are dropped, and values of columns that are.

Each revision names them in `LOSES`: `table`, `table.column`, or `table WHERE` some of its rows. What it keeps elsewhere
is not named.
"""

from collections.abc import Iterator
from typing import NamedTuple, Self

from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, text

DEFAULT = text(
    "SELECT column_default FROM information_schema.columns"
    " WHERE table_schema = current_schema() AND table_name = :table AND column_name = :column"
)


class Place(NamedTuple):
    """What a name in `LOSES` means."""

    table: str
    column: str
    condition: str

    @classmethod
    def of(cls, what: str) -> Self:
        place, _, condition = what.partition(" WHERE ")
        table, _, column = place.partition(".")
        return cls(table, column, condition)


class Loss(NamedTuple):
    """So many rows of a table, or values of a column (`table.column`)."""

    what: str
    number: int

    def __str__(self) -> str:
        unit = "values" if Place.of(self.what).column else "rows"
        return f"{self.number} {unit if self.number > 1 else unit[:-1]} of {self.what}"


def losses(connection: Connection, config: Config, current: str | None, destination: str) -> list[Loss]:
    """What the way down to a revision deletes, in the order in which it does. Raises CommandError for no such way."""
    if current is None:
        return []
    lost = list(lost_on_the_way(config, current, destination))
    # A table that goes takes its columns with it.
    named = [what for what in lost if Place.of(what).table not in set(lost) - {what}]
    found = (Loss(what, count_of(connection, what)) for what in dict.fromkeys(named))
    return [loss for loss in found if loss.number]


def lost_on_the_way(config: Config, current: str, destination: str) -> Iterator[str]:
    script = ScriptDirectory.from_config(config)
    for step in script.iterate_revisions(current, destination, select_for_downgrade=True):
        yield from getattr(step.module, "LOSES", ())


def count_of(connection: Connection, what: str) -> int:
    table, column, condition = Place.of(what)
    if connection.scalar(text("SELECT to_regclass(:table)"), {"table": table}) is None:
        return 0
    if column:
        default = connection.scalar(DEFAULT, {"table": table, "column": column})
        condition = f"{column} IS NOT NULL AND {column} IS DISTINCT FROM {default or 'NULL'}"
    statement = f"SELECT count(*) FROM {table} WHERE {condition or 'true'}"  # noqa: S608 - the names are ours
    return int(connection.scalar(text(statement)) or 0)


def refuse_to_lose(found: list[Loss], consent: str) -> None:
    """Raises CommandError that says what would be lost and how to agree to it."""
    if found:
        listed = ", ".join(map(str, found))
        raise CommandError(f"This would delete {listed}. Back up first; then add {consent} to go down all the same.")

"""A prepared statement is called through the driver: what SQLAlchemy looks up for any statement is known of this one.

Executed by SQLAlchemy, a statement of a few values takes 130 µs of Python; the driver itself takes a fifth of that.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import BindParameter, Connection
from sqlalchemy.dialects.postgresql import psycopg2
from sqlalchemy.types import TypeEngine

DIALECT = psycopg2.dialect()  # type: ignore[no-untyped-call]

Convert = Callable[[Any], Any]


class Found(list[tuple[Any, ...]]):
    """The rows that a statement gives, as tuples in the order of its columns."""

    def one_or_none(self) -> tuple[Any, ...] | None:
        assert len(self) <= 1, f"{len(self)} rows where there is one at most"
        return self[0] if self else None

    def one(self) -> tuple[Any, ...]:
        (row,) = self
        return row


class Given(NamedTuple):
    """A value that goes with each call, and what the driver takes for it."""

    name: str
    convert: Convert | None

    def of(self, values: Mapping[str, Any]) -> Any:
        value = values[self.name]
        return self.convert(value) if self.convert else value


class Call:
    """EXECUTE with the values of a call. `types` are those of the columns of the rows, in their order; columns behind
    them are as the driver knows them."""

    def __init__(self, name: str, changing: Mapping[str, BindParameter[Any]], types: Iterable[TypeEngine[Any]]) -> None:
        self.given = [Given(name, written(bind.type).bind_processor(DIALECT)) for name, bind in changing.items()]
        places = ", ".join("%s" for _ in self.given)
        self.text = f"EXECUTE {name} ({places})" if places else f"EXECUTE {name}"
        self.types = [written(one) for one in types]
        self.converts: Sequence[tuple[int, Convert]] | None = None  # of the columns that the driver gives otherwise

    def rows(self, connection: Connection, values: Mapping[str, Any]) -> Found:
        """What the driver raises is left as it is."""
        driver: Any = connection.connection
        with driver.cursor() as cursor:
            cursor.execute(self.text, [one.of(values) for one in self.given])
            if (columns := cursor.description) is None:
                return Found()
            found = cursor.fetchall()
            return Found(self.read(found, [one[1] for one in columns]) if found and self.types else found)

    def read(self, rows: Sequence[tuple[Any, ...]], codes: Sequence[Any]) -> Iterable[tuple[Any, ...]]:
        """The values of rows as those of our types. `codes` say what the driver has made of each column."""
        if self.converts is None:  # they stay: a statement has the same columns each time
            made = (one.result_processor(DIALECT, code) for one, code in zip(self.types, codes, strict=False))
            self.converts = [(place, convert) for place, convert in enumerate(made) if convert]
        converts = self.converts
        return [converted(row, converts) for row in rows] if converts else rows


def converted(row: tuple[Any, ...], converts: Iterable[tuple[int, Convert]]) -> tuple[Any, ...]:
    values = list(row)
    for place, convert in converts:
        values[place] = convert(values[place])
    return tuple(values)


def written(of: TypeEngine[Any]) -> TypeEngine[Any]:
    """The type as this driver has it."""
    return of.dialect_impl(DIALECT)

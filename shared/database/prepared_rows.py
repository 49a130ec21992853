"""Whole rows that are asked for all the time: by a prepared statement, and made as they are, not by the ORM."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Generic, NamedTuple, TypeVar

from sqlalchemy import Column, ColumnElement, DateTime, column, func, select
from sqlmodel import SQLModel

from shared.database.fast_rows import stored_row_of
from shared.database.prepared_statement import Prepared

Row = TypeVar("Row", bound=SQLModel)
Value = TypeVar("Value")


def whole_rows(
    name: str, model: type[Row], *conditions: ColumnElement[bool], order: tuple[Any, ...] = (), most: int | None = None
) -> Prepared[Row]:
    """The statement that reads the rows that meet the conditions. They belong to no session."""
    columns = columns_of(model)
    found = select(*columns).where(*conditions).order_by(*order).limit(most)
    return Prepared(name, found, row=made_of(model), columns=columns)


class AsOf(NamedTuple, Generic[Row]):
    """A row as it was at that time of the database."""

    row: Row
    now: datetime


def row_as_of(name: str, model: type[Row], *conditions: ColumnElement[bool]) -> Prepared[AsOf[Row]]:
    """The same for one row, with the time at which it was read."""
    columns, made = columns_of(model), made_of(model)
    return Prepared(
        name,
        select(*columns, func.now().label("now")).where(*conditions),
        row=lambda *values: AsOf(made(*values[:-1]), values[-1]),
        columns=(*columns, column("now", DateTime(timezone=True))),
    )


def row_with(
    name: str, model: type[Row], more: ColumnElement[Value], *conditions: ColumnElement[bool]
) -> Prepared[tuple[Row, Value]]:
    """The same with something else that was found beside it, of a type that the driver knows."""
    columns, made = columns_of(model), made_of(model)
    return Prepared(
        name,
        select(*columns, more.label("more")).where(*conditions),
        row=lambda *values: (made(*values[:-1]), values[-1]),
        columns=(*columns, column("more", more.type)),
    )


def columns_of(model: type[SQLModel]) -> tuple[Column[Any], ...]:
    return tuple(SQLModel.metadata.tables[str(model.__tablename__)].c)


def made_of(model: type[Row]) -> Callable[..., Row]:
    """What makes a row of the values of all its columns, in their order."""
    return stored_row_of(model, [column.name for column in columns_of(model)])

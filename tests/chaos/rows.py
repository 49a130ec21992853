"""Rows of the database as plain data, to be held against each other."""

from datetime import datetime
from typing import Any

from sqlmodel import Session, SQLModel, col, select

Row = dict[str, Any]


def rows(session: Session, table: type[SQLModel], *order: str) -> list[Row]:
    """A table as dictionaries, its times as Unix times."""
    statement = select(table).order_by(*(col(getattr(table, name)) for name in order))
    return [{name: as_plain(value) for name, value in row.model_dump().items()} for row in session.exec(statement)]


def as_plain(value: Any) -> Any:
    return value.timestamp() if isinstance(value, datetime) else value

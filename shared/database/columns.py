"""Column types that several tables share: aware times, jsonb, and a status kept to its list."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from sqlalchemy import ARRAY, CheckConstraint, Column, DateTime, Enum, Float, ForeignKey, Text, Uuid, func, text
from sqlalchemy.dialects.postgresql import JSONB


def moment(name: str, *, nullable: bool = True, now: bool = False) -> Column[Any]:
    """A timestamp with time zone; `now` lets the database fill it."""
    return Column(name, DateTime(timezone=True), nullable=nullable, server_default=func.now() if now else None)


def document(name: str, default: str | None) -> Column[Any]:
    """A jsonb column: NOT NULL with this JSON as its default, or nullable without one."""
    server_default = text(f"'{default}'::jsonb") if default is not None else None
    # An absent document is NULL, never the JSON value `null`.
    return Column(name, JSONB(none_as_null=True), nullable=default is None, server_default=server_default)


def empty_list() -> list[Any]:
    """What a column of names holds first. Pydantic reads the signature of a default's factory for each row that is
    made, and takes 70 us for that of `list`, which is written in C; 5 us for this one."""
    return []


def names(name: str) -> Column[Any]:
    """A list of texts, empty by default."""
    return Column(name, ARRAY(Text), nullable=False, server_default=text("'{}'::text[]"))


def word(name: str, words: type[StrEnum], *, nullable: bool = False, primary_key: bool = False) -> Column[Any]:
    """One of a closed set of words, kept as text of at most 20 characters; `one_of` is its CHECK."""
    kind = Enum(words, values_callable=list, native_enum=False, create_constraint=False, length=20)
    return Column(name, kind, nullable=nullable, primary_key=primary_key)


def one_of(column: str, values: Iterable[str]) -> CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=f"{column}_known")


def of_a_user(*, primary_key: bool = False) -> Column[Any]:
    return Column("user_id", Uuid, ForeignKey("users.id"), nullable=False, primary_key=primary_key)


def seconds(name: str) -> Column[Any]:
    """A number of seconds, 0 by default."""
    return Column(name, Float, nullable=False, server_default=text("0"))


def between(column: str, lowest: int, highest: int) -> CheckConstraint:
    return CheckConstraint(f"{column} BETWEEN {lowest} AND {highest}", name=f"{column}_range")

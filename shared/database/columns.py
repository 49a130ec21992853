"""Column types that several tables share: aware times, jsonb, and a status kept to its list."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    ARRAY,
    CheckConstraint,
    Column,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Integer,
    String,
    Text,
    TypeDecorator,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from shared.texts.words import word_in


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


class Word(TypeDecorator[StrEnum]):
    """One of a closed set of words, kept as text. What a newer release has added to them is read, too."""

    impl = String(20)
    cache_ok = True

    def __init__(self, words: type[StrEnum]) -> None:
        super().__init__()
        self.words = words

    def process_bind_param(self, value: Any, _dialect: Dialect) -> str | None:
        """Raises ValueError for what is no such word."""
        return None if value is None else str(value if isinstance(value, self.words) else self.words(value))

    def process_result_value(self, value: str | None, _dialect: Dialect) -> StrEnum | None:
        return None if value is None else word_in(self.words, value)


def word(name: str, words: type[StrEnum], *, nullable: bool = False, primary_key: bool = False) -> Column[Any]:
    """A column of such words; `one_of` is its CHECK."""
    return Column(name, Word(words), nullable=nullable, primary_key=primary_key)


def one_of(column: str, values: Iterable[str]) -> CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=f"{column}_known")


def of_a_user(*, primary_key: bool = False) -> Column[Any]:
    return Column("user_id", Uuid, ForeignKey("users.id"), nullable=False, primary_key=primary_key)


OF_A_JOB = "of_a_job"  # in the `info` of a column


def of_a_job(*, primary_key: bool = False, unique: bool = False) -> Column[Any]:
    """Whose job a row is. It has no foreign key, which would look for such rows once for each job that is deleted: the
    trigger `what_is_of_jobs_goes` takes the rows of all jobs that a statement deletes (docs/decisions/0094). Whoever
    adds one adds its job too, or has changed it, in the same transaction; so its job is there."""
    return Column(
        "job_id",
        Integer,
        nullable=False,
        primary_key=primary_key,
        unique=unique or None,
        autoincrement=False,
        info={OF_A_JOB: True},
    )


def seconds(name: str) -> Column[Any]:
    """A number of seconds, 0 by default."""
    return Column(name, Float, nullable=False, server_default=text("0"))


def between(column: str, lowest: int, highest: int) -> CheckConstraint:
    return CheckConstraint(f"{column} BETWEEN {lowest} AND {highest}", name=f"{column}_range")

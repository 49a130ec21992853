"""A field that is left out where there is nothing to say; others are null then."""

from typing import Annotated, Any, TypeVar

from pydantic import Field

T = TypeVar("T")


def is_none(value: Any) -> bool:
    return value is None


Optionally = Annotated[T | None, Field(exclude_if=is_none)]

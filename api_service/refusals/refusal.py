"""A refusal: what was asked cannot be done. It carries a code and facts, and knows nothing of HTTP."""

import re
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

# Begins the tag of a union's member, which pydantic puts into a path and clients do not know.
FORM = "form:"
MOST_NAMED = 3
# How pydantic counts: it names a type of Python, and the number that was left when it gave up.
COUNTED = re.compile(r"(?:Tuple|List|Set|Frozenset|Dictionary) should have (at (?:least|most) \d+ items?) after .+")


class FieldError(BaseModel, frozen=True):
    """One wrong field: its path in the request, what is wrong with it, and a code for that."""

    field: str
    message: str
    code: str


class Refusal(Exception):
    """Why a request is refused: a stable code, a sentence, the wrong fields, and the facts by name.

    Facts that more than one door may show: `limit` (the name of a limit), `retry_after_s`, `rate`, `scope`.
    """

    def __init__(self, code: StrEnum, detail: str, *, errors: Sequence[FieldError] = (), **facts: Any) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.errors = tuple(errors)
        self.facts: Mapping[str, Any] = facts


def field_errors(error: ValidationError) -> list[FieldError]:
    """pydantic's errors, each with the path of its field as a client would write it: `lora_models[0].name`."""
    return [
        FieldError(
            field=field_path(one["loc"]) or "body",
            message=COUNTED.sub(r"must have \1", str(one["msg"])).removeprefix("Value error, "),
            code=str(one["type"]),
        )
        for one in without_echoes(error.errors(include_url=False, include_context=False, include_input=False))
    ]


def without_echoes(errors: Sequence[ErrorDetails]) -> Iterator[ErrorDetails]:
    """What is too short only as pydantic does not count its wrong items is not told beside them."""
    wrong_items = {one["loc"][:-1] for one in errors}
    return (one for one in errors if one["type"] != "too_short" or one["loc"] not in wrong_items)


def field_path(parts: Sequence[int | str]) -> str:
    path = ""
    for part in parts:
        if isinstance(part, str) and part.startswith(FORM):
            continue
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else part
    return path


def in_words(errors: Sequence[FieldError]) -> str:
    """What is wrong with each of the first fields, as a sentence."""
    named = "; ".join(f"{error.field}: {error.message}" for error in errors[:MOST_NAMED])
    more = len(errors) - MOST_NAMED
    return f"{named}; and {more} more" if more > 0 else named


def names_of(errors: Sequence[FieldError]) -> str:
    return ", ".join(dict.fromkeys(error.field for error in errors))

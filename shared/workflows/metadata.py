"""The caller's own JSON on a job: any object that is small, and that PostgreSQL can hold."""

import json
from typing import Annotated, Any

from pydantic import AfterValidator

LARGEST = 4096  # bytes, as JSON without blanks


def storable(value: dict[str, Any]) -> dict[str, Any]:
    try:
        text = json.dumps(value, allow_nan=False, separators=(",", ":"), ensure_ascii=False).encode()
    except ValueError:
        raise ValueError("must hold no NaN, no infinity and no lone surrogates") from None
    if len(text) > LARGEST:
        raise ValueError(f"must be at most {LARGEST} bytes as JSON")
    if has_nul(value):
        raise ValueError("must not contain the character U+0000")
    return value


def has_nul(value: Any) -> bool:
    match value:
        case str():
            return "\0" in value
        case dict():
            return any(has_nul(part) for pair in value.items() for part in pair)
        case list():
            return any(has_nul(part) for part in value)
        case _:
            return False


Metadata = Annotated[dict[str, Any], AfterValidator(storable)]

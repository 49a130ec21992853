"""What PostgreSQL can keep of a JSON document exactly, and every reader can read again."""

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

LARGEST_NUMBER = 2**64 - 1  # the largest seed there is


class Flaw(NamedTuple):
    """Something in a document that cannot be kept: where (`inputs.images[0]`), a word for it, and a sentence."""

    path: str
    code: str
    message: str


def flaws(value: Any, *, deepest: int, path: str = "") -> Iterator[Flaw]:
    """All flaws of a document as `json` reads it, which may be nested `deepest` levels deep."""
    match value:
        case str() if "\0" in value:
            yield Flaw(path, "nul", "must not contain the character U+0000")
        case float() if not math.isfinite(value):
            yield Flaw(path, "not_finite", "must be a finite number")
        case int() if abs(value) > LARGEST_NUMBER:
            yield Flaw(path, "number_too_large", f"must be from -{LARGEST_NUMBER} to {LARGEST_NUMBER}")
        case dict() | list() if not deepest:
            yield Flaw(path, "too_deep", "is nested too deeply")
        case dict():
            for name, part in value.items():
                if "\0" in name:
                    yield Flaw(path, "nul", "must not have a name with the character U+0000")
                yield from flaws(part, deepest=deepest - 1, path=f"{path}.{name}" if path else name)
        case list():
            for position, part in enumerate(value):
                yield from flaws(part, deepest=deepest - 1, path=f"{path}[{position}]")

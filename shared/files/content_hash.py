"""The one place that says by which hash contents are known: BLAKE3, as Comfy's contract has it."""

import re
from typing import Annotated

from blake3 import blake3
from pydantic import AfterValidator, Field

FORM = re.compile(r"blake3:[0-9a-f]{64}")


def in_form(value: str) -> str:
    if not FORM.fullmatch(value):
        raise ValueError("must be `blake3:` and 64 hexadecimal digits in lower case")
    return value


Hash = Annotated[str, Field(max_length=100), AfterValidator(in_form)]


class ContentHash:
    """The hash of bytes that come piece by piece."""

    def __init__(self) -> None:
        self.hash = blake3()

    def add(self, piece: bytes) -> None:
        self.hash.update(piece)

    def __str__(self) -> str:
        return f"blake3:{self.hash.hexdigest()}"

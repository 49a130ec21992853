"""The name of an asset is one part of a path, with nothing that a folder or a terminal understands; tags are free."""

import unicodedata
from pathlib import PurePath
from typing import Annotated

from pydantic import AfterValidator, Field

from shared.workflows.parameters import without_nul

LONGEST = 255  # characters; what the column holds, and what most file systems do of plain letters
UNNAMED = "file"
SEPARATORS = frozenset("/\\")
# Controls, halves of surrogate pairs, and characters that turn the direction of the text about.
NEVER = frozenset({"Cc", "Cs"})
TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def is_odd(character: str) -> bool:
    return unicodedata.category(character) in NEVER or character in TURNING


def plain_name(value: str) -> str:
    if SEPARATORS.intersection(value):
        raise ValueError("must be a name, without / and \\")
    if any(map(is_odd, value)):
        raise ValueError("must have no control characters")
    if value in {".", ".."} or value != value.strip():
        raise ValueError("must be a name that a file can have, without blanks at its ends")
    return value


AssetName = Annotated[str, Field(min_length=1, max_length=LONGEST), AfterValidator(plain_name)]
Tag = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(without_nul)]
Tags = Annotated[tuple[Tag, ...], Field(max_length=16)]


def name_from(filename: str) -> str:
    """A name like the one that a client's file has: the last part of its path, without what no name may have.

    A name that is too long keeps its ending.
    """
    last = filename.replace("\\", "/").rpartition("/")[2]
    name = "".join(one for one in last[: 4 * LONGEST] if not is_odd(one)).strip()
    if len(name) > LONGEST:
        suffix = PurePath(name).suffix[:20]
        name = name[: LONGEST - len(suffix)].rstrip() + suffix
    return UNNAMED if name in {"", ".", ".."} else name

"""JSON of a server, read into values that can be kept: whatever its nodes put there.

A character that PostgreSQL cannot keep becomes U+FFFD. A number that is not finite, or has more than 40 digits, becomes
null. What is nested deeper than 256 levels is left out.
"""

import json
import math
import re
from typing import Any

from shared.database.storable import readable

DEEPEST = 256
MOST_DIGITS = 40
# How U+0000 and halves of surrogate pairs are written in JSON. Whole pairs are, too: then the look was for nothing.
ODD_ESCAPE = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")
LONGEST_DEEP = 4 * 1024 * 1024  # characters, of what is read though it is too deep
MARKS = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?|[\[{]+|[\]}]+', re.DOTALL)
CONTAINERS = (dict, list)


def read_json(content: bytes | bytearray | str) -> Any:
    """Raises ValueError or RecursionError for what is no JSON."""
    text = content if isinstance(content, str) else content.decode("utf-8-sig", "replace")
    try:
        value = json.loads(text, parse_constant=nothing, parse_float=finite, parse_int=whole)
    except RecursionError:
        if len(text) > LONGEST_DEEP:
            raise
        value = json.loads(shallow(text), parse_constant=nothing, parse_float=finite, parse_int=whole)
    leave_out_depths(value)
    return mended(value) if ODD_ESCAPE.search(text) else value


def shallow(text: str) -> str:
    """The text of a document that is too deep to be read, without what is not kept in any case.

    Newer versions of Python write documents that older ones do not read. What a node has shown may be one, and so may
    the queue of a server to which somebody has sent one: it must not hide the rest.
    """
    kept, begin, depth = list[str](), 0, 0
    for found in MARKS.finditer(text):
        length, above = len(found[0]), depth
        if found[0][0] in "[{":
            depth += length
            if above <= DEEPEST < depth:
                first = found.start() + DEEPEST - above
                kept += (text[begin:first], "[]" if text[first] == "[" else "{}")
                begin = len(text)
        elif found[0][0] in "]}":
            depth -= length
            if depth <= DEEPEST < above:
                begin = found.start() + above - DEEPEST
    return "".join([*kept, text[begin:]])


def nothing(_constant: str) -> None:
    """NaN and the infinities are no JSON, and Python writes them all the same."""


def finite(text: str) -> float | None:
    number = float(text)
    return number if math.isfinite(number) else None


def whole(text: str) -> int | None:
    return int(text) if len(text) <= MOST_DIGITS else None


def leave_out_depths(value: Any) -> None:
    """Empty what lies too deep, level by level: most documents are large and not deep."""
    level = [value] if isinstance(value, CONTAINERS) else []
    for _ in range(DEEPEST):
        if not level:
            return
        level = [
            part
            for one in level
            for part in (one.values() if isinstance(one, dict) else one)
            if isinstance(part, CONTAINERS)
        ]
    for one in level:
        one.clear()


def mended(value: Any) -> Any:
    match value:
        case str():
            return readable(value)
        case dict():
            return {readable(key): mended(part) for key, part in value.items()}
        case list():
            return [mended(part) for part in value]
        case _:
            return value

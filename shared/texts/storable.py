"""What others say is made into what PostgreSQL and JSON can keep, and is cut to a length."""

import re
from itertools import islice
from typing import Any

# U+0000, and halves of surrogate pairs.
UNSTORABLE = re.compile("[\0\ud800-\udfff]")
REPLACEMENT = "\ufffd"
LARGEST_INTEGER = 2**31 - 1  # PostgreSQL's integer
LARGEST_ID = LARGEST_INTEGER  # of rows that are numbered, such as jobs
LONGEST_MESSAGE = 8192  # bytes
LONGEST_DETAIL = 2048  # bytes
LONGEST_NAME = 255  # characters; what the columns for names hold
MOST_DETAILS = 100  # of a list, or of an object


def readable(text: str) -> str:
    """The text with U+FFFD for each character that cannot be kept."""
    return UNSTORABLE.sub(REPLACEMENT, text)


def cut(text: str, most: int = LONGEST_MESSAGE) -> str:
    """The text as it can be kept, or its first `most` bytes and how much is missing."""
    head = readable(text[:most]).encode()[:most].decode(errors="ignore")
    missing = len(text) - len(head)
    return f"{head}... ({missing} more characters)" if missing else head


def name(value: object, most: int = LONGEST_NAME) -> str:
    """What somebody calls a thing, as its column can keep it."""
    return readable(str(value)[:most])


def details(value: Any) -> Any:
    """A JSON document that explains something, its texts and lists cut."""
    match value:
        case str():
            return cut(value, LONGEST_DETAIL)
        case dict():
            return {name(key): details(part) for key, part in islice(value.items(), MOST_DETAILS)}
        case list() | tuple():
            return [details(part) for part in value[:MOST_DETAILS]]
        case _:
            return value

"""Worker and member talk over two pipes: the length of a JSON object, the object, and the bytes that it announces."""

import json
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any

LENGTH = struct.Struct(">I")
LONGEST_OBJECT = 1 << 16
LONGEST_BYTES = 4 << 20  # of one thumbnail: three times what 600x600 px have before they are encoded


class Garbage(Exception):
    """What came is no message."""


def packed(message: Mapping[str, Any], parts: Sequence[bytes] = ()) -> bytes:
    """A message with its parts. `message` says nothing of the parts."""
    content = json.dumps({**message, "parts": [len(part) for part in parts]}).encode()
    return b"".join((LENGTH.pack(len(content)), content, *parts))


def unpacked(read: Callable[[int], bytes], most_parts: int = 0) -> tuple[dict[str, Any], list[bytes]]:
    """The next message and its parts. `read` returns exactly so many bytes, or raises. Raises Garbage."""
    (length,) = LENGTH.unpack(read(LENGTH.size))
    if length > LONGEST_OBJECT:
        raise Garbage(f"a message of {length} bytes")
    try:
        message = json.loads(read(length))
        lengths = message.pop("parts")
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError) as error:
        raise Garbage(f"no message: {type(error).__name__}") from error
    if not isinstance(lengths, list) or len(lengths) > most_parts:
        raise Garbage("more parts than asked for")
    if not all(type(length) is int and 0 <= length <= LONGEST_BYTES for length in lengths):
        raise Garbage("a part of no possible length")
    return message, [read(length) for length in lengths]

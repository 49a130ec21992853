"""How deep JSON is nested, told from its bytes: no parsing, no recursion, one step for each bracket."""

from itertools import accumulate

OPENING, CLOSING = b"[{", b"]}"
STEPS = bytes.maketrans(OPENING + CLOSING, b"\1\1\xff\xff")  # as signed bytes: one deeper, one less deep
THE_REST = bytes(set(range(256)) - set(OPENING + CLOSING + b'"'))


def deeper_than(content: bytes, most: int) -> bool:
    """Whether lists and objects stand in each other more than `most` deep. What is no JSON may be called either."""
    if sum(map(content.count, (b"[", b"{"))) <= most:
        return False
    steps = outside_texts(content).translate(STEPS)
    return max(accumulate(memoryview(steps).cast("b")), default=0) > most


def outside_texts(content: bytes) -> bytes:
    """The brackets that stand in no text."""
    unescaped = content.replace(b"\\\\", b"").replace(b'\\"', b"")
    return b"".join(unescaped.translate(None, THE_REST).split(b'"')[::2])

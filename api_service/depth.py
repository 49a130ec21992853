"""How deep JSON is nested, told from its bytes: no parsing, no recursion, and a megabyte of it takes milliseconds."""

ONE_KIND = bytes.maketrans(b"{}", b"[]")
THE_REST = bytes(set(range(256)) - set(b'"[]{}'))


def deeper_than(content: bytes, most: int) -> bool:
    """Whether lists and objects stand in each other more than `most` deep. What is no JSON may be called either."""
    if content.count(b"[") + content.count(b"{") <= most:
        return False
    brackets = outside_texts(content)
    for _ in range(most):
        # Takes the innermost of each nest: one level of all.
        brackets, before = brackets.replace(b"[]", b""), len(brackets)
        if len(brackets) == before:
            return False
    return b"[]" in brackets


def outside_texts(content: bytes) -> bytes:
    """The brackets that stand in no text, all of one kind."""
    unescaped = content.replace(b"\\\\", b"").replace(b'\\"', b"")
    return b"".join(unescaped.translate(ONE_KIND, THE_REST).split(b'"')[::2])

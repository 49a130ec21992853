"""Jobs that failed in the same way have the same fingerprint of it, made of what does not vary from job to job."""

import hashlib
import re
from collections.abc import Mapping
from typing import Any

LOOKED_AT = 500  # characters of a message; what follows is mostly a trace
DIGITS = 16

# What varies, from the longest kind to the shortest. Each kind begins where a word or a quote does, so that no letter
# is looked at more than a few times.
VARYING = re.compile(
    r"""
    (?P<url>\b[a-z]+://\S+)
    | (?P<text>'[^'\n]*'|"[^"\n]*"|`[^`\n]*`)
    | (?P<path>(?<![^\s(=\[])(?:~|[A-Za-z]:|\.{1,2})?[\\/]\S+)
    | (?P<id>\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b)
    | (?P<n>\b\w*\d[\w.]*)
    """,
    re.VERBOSE,
)
BLANKS = re.compile(r"\s+")


def pattern_of(message: str) -> str:
    """A message without its numbers, ids, paths, addresses and quotes: `node <n> (VAEDecode) failed: <text> is bad`."""
    known = BLANKS.sub(" ", message[:LOOKED_AT].strip())
    return VARYING.sub(lambda found: f"<{found.lastgroup}>", known)


def failure_of(data: Mapping[str, Any]) -> str:
    """The fingerprint of an error's code, message and details: of the code, the class of its node, and the pattern."""
    parts = (data["code"], node_class_of(data["details"]) or "", pattern_of(data["message"]))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:DIGITS]


def node_class_of(details: Mapping[str, Any] | None) -> str | None:
    """The class of the node that failed, where the error names one."""
    found = (details or {}).get("node_type")
    return found if isinstance(found, str) else None

"""A traceparent says in 55 characters which trace something belongs to: the W3C's header, and a job's column."""

import re

LENGTH = 55
# Version ff is none; the ids are not all zeros. Later versions may say more behind these fields, which is passed over.
FORM = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})(?P<trace>[0-9a-f]{32})-(?!0{16})(?P<span>[0-9a-f]{16})-(?P<flags>[0-9a-f]{2})"
)
LONGEST = 256  # characters of a later version


def checked(header: str) -> str | None:
    """The traceparent that a header brings, in the form of version 00. None for what is not one."""
    found = FORM.match(header) if LENGTH <= len(header) <= LONGEST else None
    if found is None or (len(header) > LENGTH and (header.startswith("00") or header[LENGTH] != "-")):
        return None
    return f"00-{found['trace']}-{found['span']}-{found['flags']}"


def trace_id_of(traceparent: str | None) -> str | None:
    """The id of the trace that it belongs to."""
    return traceparent and traceparent.split("-")[1]

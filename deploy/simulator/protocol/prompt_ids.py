"""Newer versions compare ids letter by letter, so they take only one spelling of each."""

import uuid


def is_canonical(text: str) -> bool:
    """Whether this is a UUID in lower case and with hyphens."""
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False

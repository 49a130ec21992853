"""Which e-mail addresses are taken: plain ones, as every mail server knows them."""

import re

LONGEST = 254  # characters, RFC 5321
LONGEST_LOCAL = 64
LOCAL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}", re.ASCII)
LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?", re.ASCII)
PROBLEM = "must be an e-mail address such as anna@example.com, in ASCII and without a name before it"


def checked_address(text: str) -> str:
    """The address, its domain in small letters. Raises ValueError."""
    local, at, domain = text.rpartition("@")
    labels = domain.split(".")
    is_local = LOCAL.fullmatch(local) and not (local.startswith(".") or local.endswith(".") or ".." in local)
    is_domain = len(labels) > 1 and all(map(LABEL.fullmatch, labels)) and not labels[-1].isdigit()
    if not (at and is_local and is_domain) or len(text) > LONGEST:
        raise ValueError(PROBLEM)
    return f"{local}@{domain.lower()}"

"""The base of a server's addresses over HTTP: it has no user, no query and no fragment, and its port is one."""

from urllib.parse import urlsplit


def http_base(value: str, accepted: str) -> str:
    """The URL without a slash at its end. Raises ValueError, with what is accepted."""
    try:
        parts = urlsplit(value)
        port = parts.port  # which may raise
    except ValueError:
        raise ValueError(accepted) from None
    is_bare = not (parts.query or parts.fragment or "@" in parts.netloc) and port != 0
    if parts.scheme not in {"http", "https"} or not parts.hostname or not is_bare:
        raise ValueError(accepted)
    return value.rstrip("/")

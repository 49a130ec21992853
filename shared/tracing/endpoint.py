"""Where traces are sent: the base of an OTLP receiver, which takes them by HTTP."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import BeforeValidator

RECEIVERS = "http://host[:port][/path] or https://..., an OTLP receiver that speaks HTTP; OTEL_EXPORTER_OTLP_HEADERS "
RECEIVERS += "has what it asks for"


def otlp_endpoint(value: str | None) -> str | None:
    if value is None:
        return None
    try:
        parts = urlsplit(value)
        port = parts.port  # which may raise
    except ValueError:
        raise ValueError(RECEIVERS) from None
    is_bare = not (parts.query or parts.fragment or "@" in parts.netloc) and port != 0
    if parts.scheme not in {"http", "https"} or not parts.hostname or not is_bare:
        raise ValueError(RECEIVERS)
    return value.rstrip("/")


OtlpEndpoint = Annotated[str | None, BeforeValidator(otlp_endpoint)]

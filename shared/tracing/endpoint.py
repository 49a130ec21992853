"""Where traces are sent: the base of an OTLP receiver, which takes them by HTTP."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import BeforeValidator

from shared.configuration.types import Accepts, AsMade, SecretUrl

RECEIVERS = "http://host[:port][/path] or https://..., an OTLP receiver that speaks HTTP"


def otlp_endpoint(value: str | None) -> SecretUrl | None:
    if value is None or isinstance(value, SecretUrl):
        return value
    try:
        parts = urlsplit(value)
        port = parts.port  # which may raise
    except ValueError:
        raise ValueError(RECEIVERS) from None
    is_bare = not (parts.query or parts.fragment) and port != 0
    if parts.scheme not in {"http", "https"} or not parts.hostname or not is_bare:
        raise ValueError(RECEIVERS)
    return SecretUrl(value.rstrip("/"))


OtlpEndpoint = Annotated[SecretUrl | None, AsMade, BeforeValidator(otlp_endpoint), Accepts(RECEIVERS)]

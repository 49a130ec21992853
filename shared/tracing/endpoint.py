"""Where traces are sent: the base of an OTLP receiver, which takes them by HTTP."""

from typing import Annotated

from pydantic import BeforeValidator

from shared.configuration.urls.http_urls import http_base

RECEIVERS = "http://host[:port][/path] or https://..., an OTLP receiver that speaks HTTP; OTEL_EXPORTER_OTLP_HEADERS "
RECEIVERS += "has what it asks for"


def otlp_endpoint(value: str | None) -> str | None:
    return None if value is None else http_base(value, RECEIVERS)


OtlpEndpoint = Annotated[str | None, BeforeValidator(otlp_endpoint)]

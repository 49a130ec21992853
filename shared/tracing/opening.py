"""Each process opens its own tracing, where OTEL_EXPORTER_OTLP_ENDPOINT is set; it is off else."""

import os
import sys
from collections.abc import Mapping
from typing import NoReturn

from shared.tracing.tracing import OFF, Tracing

PROTOCOL = "http/protobuf"
PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
LACKING = (
    "OTEL_EXPORTER_OTLP_ENDPOINT is set, and the packages that send traces are not installed ({}). Install the extra "
    "`tracing` of genonaut-generation, or unset the variable\n"
)
OTHER_PROTOCOL = (
    f"{{}} is {{!r}}, and traces are sent by {PROTOCOL} alone. Name the receiver's HTTP port, mostly 4318, in "
    "OTEL_EXPORTER_OTLP_ENDPOINT and unset the protocol\n"
)


def open_tracing_or_exit(endpoint: str | None, service: str, environ: Mapping[str, str]) -> Tracing:
    """What tells of this process's work. What is missing for it ends the process with a sentence.

    `environ` has the variables of the process and of its `.env` file.
    """
    if endpoint is None:
        return OFF
    # The SDK reads its own variables from the process alone.
    for name, value in environ.items():
        if name.startswith("OTEL_"):
            os.environ.setdefault(name, value)
    for name in PROTOCOLS:
        if (protocol := os.environ.get(name) or PROTOCOL) != PROTOCOL:
            end(OTHER_PROTOCOL.format(name, protocol))
    try:
        from shared.tracing.exporting import TracingTo
    except ImportError as error:
        end(LACKING.format(error.name))
    return TracingTo(endpoint, service)


def end(sentence: str) -> NoReturn:
    sys.stderr.write(sentence)
    sys.exit(2)

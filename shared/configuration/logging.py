"""Logs are one JSON object a line, with what is bound to the work at hand, and never a password."""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from shared.configuration.settings import LogFormat, Settings
from shared.configuration.types import masked

# Without local variables: they hold prompts, settings and whole responses.
tracebacks = structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False))

QUIET = ("httpx", "httpcore", "websockets", "apscheduler", "alembic.runtime.plugins", "uvicorn.access", "PIL")


def configure_logging(settings: Settings, *, service: str) -> None:
    """Send this process's logs, and those of its libraries, to standard output. Call once, from a `main`."""
    processors: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        naming(service),
    ]
    rendering: list[structlog.typing.Processor]
    if settings.log_format is LogFormat.JSON:
        rendering = [tracebacks, mask_passwords, structlog.processors.JSONRenderer()]
    else:
        rendering = [mask_passwords, structlog.dev.ConsoleRenderer(colors=sys.stdout.isatty())]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *processors,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=processors,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendering],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings.log_level.upper())
    for name in QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


def naming(service: str) -> structlog.typing.Processor:
    def add_service(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event["service"] = service
        return event

    return add_service


def mask_passwords(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Mask the password of any URL, however deep in the event it stands."""
    return {name: without_passwords(value) for name, value in event.items()}


def without_passwords(value: Any) -> Any:
    match value:
        case str():
            return masked(value)
        case dict():
            return {key: without_passwords(item) for key, item in value.items()}
        case list() | tuple():
            return [without_passwords(item) for item in value]
        case _:
            return value

"""Logs are one JSON object a line, with what is bound to the work at hand, and never a password."""

import logging
import sys
from collections.abc import MutableMapping, Sized
from itertools import islice
from typing import Any

import structlog

from shared.configuration.choices import LogFormat
from shared.configuration.repeated_lines import CountingHandler
from shared.configuration.settings import Settings
from shared.configuration.urls.secret_urls import masked

# Without local variables: they hold prompts, settings and whole responses.
tracebacks = structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False))

LONGEST_TEXT = 8192  # characters
MOST_ITEMS = 200
DEEPEST = 12  # levels of a value; a traceback has six
QUIET = ("httpx", "httpcore", "websockets", "apscheduler", "alembic.runtime.plugins", "uvicorn.access", "PIL")


def configure_logging(settings: Settings, *, service: str) -> None:
    """Send this process's logs, and those of its libraries, to standard output. Call once, from a `main`."""
    processors: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        without_colors,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        naming(service),
    ]
    rendering: list[structlog.typing.Processor]
    if settings.log_format is LogFormat.JSON:
        rendering = [tracebacks, shown_in_logs, structlog.processors.JSONRenderer()]
    else:
        rendering = [shown_in_logs, structlog.dev.ConsoleRenderer(colors=sys.stdout.isatty())]
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
    handler = CountingHandler(sys.stdout)
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


def without_colors(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Leave out what uvicorn says a second time, for a terminal."""
    event.pop("color_message", None)
    return event


def naming(service: str) -> structlog.typing.Processor:
    def add_service(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event["service"] = service
        return event

    return add_service


def shown_in_logs(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Cut what is long, and mask the password of any URL, however deep in the event."""
    return {name: bounded(value) for name, value in event.items()}


def bounded(value: Any, depth: int = 0) -> Any:
    """The value as it is logged: servers and callers have a say in it, so it has a bound in every direction."""
    match value:
        case str():
            # Cut first: a mask is for what is shown.
            return masked(value[:LONGEST_TEXT]) + more(value, LONGEST_TEXT, "characters")
        case bytes():
            return bounded(repr(value[:LONGEST_TEXT]))
        case dict() | list() | tuple() if depth == DEEPEST:
            return "..."
        case dict():
            return {str(key): bounded(value[key], depth + 1) for key in islice(value, MOST_ITEMS)}
        case list() | tuple():
            items = [bounded(item, depth + 1) for item in value[:MOST_ITEMS]]
            return items + ([more(value, MOST_ITEMS, "items")] if len(value) > MOST_ITEMS else [])
        case _:
            return value


def more(value: Sized, shown: int, unit: str) -> str:
    return f"... ({len(value) - shown} more {unit})" if len(value) > shown else ""

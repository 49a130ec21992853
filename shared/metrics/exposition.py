"""Each process shows its metrics on a port of its own, off unless METRICS_PORT is set, and never on the public one."""

import sys
import threading
from wsgiref.simple_server import WSGIRequestHandler, make_server

from prometheus_client import CollectorRegistry, Gauge, PlatformCollector, ProcessCollector, make_wsgi_app

from shared.configuration.settings import Settings

SCRAPED_WITHIN_S = 5.0  # whoever says or reads nothing for longer is hung up on: the next one waits for it


def new_registry(service: str) -> CollectorRegistry:
    """A registry with what is told of every process: which service it is, and what it uses of the machine."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    Gauge("genonaut_build_info", "1 for a process that runs", ["service"], registry=registry).labels(service).set(1)
    return registry


def expose_or_exit(settings: Settings, registry: CollectorRegistry) -> None:
    """Answer scrapes in a thread until the process ends, where METRICS_PORT is set. An address that cannot be had ends
    the process with a sentence."""
    if settings.metrics_port is None:
        return
    host, port = settings.metrics_host, settings.metrics_port
    try:
        server = make_server(host, port, make_wsgi_app(registry), handler_class=QuietHandler)
    except OSError as error:
        sys.stderr.write(
            f"Metrics cannot be shown on {host}:{port}: {error.strerror or error}. "
            "Give each process of this machine a METRICS_PORT of its own, or choose another METRICS_HOST\n"
        )
        sys.exit(2)
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()


class QuietHandler(WSGIRequestHandler):
    """Writes no line for a scrape."""

    timeout = SCRAPED_WITHIN_S

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the standard library
        pass

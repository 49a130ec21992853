"""A server that says of itself whatever a test wants, and what was written down of it."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from sqlalchemy import Engine

from shared.configuration.server_urls import Terms, server_url
from shared.database.engine import transaction
from shared.models import ServerCapabilities
from worker_service.comfyui.client import ComfyUIClient
from worker_service.fleet.capability_reader import CapabilityReader
from worker_service.fleet.health import Fleet
from worker_service.fleet.records import Sight, record_sight
from worker_service.fleet.timings import FleetTimings

Body = bytes | Callable[[], Iterator[bytes]]


class Saying:
    """A server that says of itself whatever a test wants."""

    def __init__(self) -> None:
        self.url = ""
        self.object_info: Body = b"{}"
        self.devices: Any = [{"name": "gpu"}]
        self.replacements: bytes | None = None  # what /node_replacements says; None: there is no such page
        self.embeddings: bytes | None = None  # what /embeddings says; None: there is no such page
        self.model_info: dict[str, bytes] = {}  # what is said of the models of a folder, whichever page is asked for
        self.status = 200
        self.asked = 0
        self.paths: list[str] = []
        self.classes: dict[str, Any] | None = None  # its pages one by one, a class of None breaks; as the whole if None

    def says_of(self, name: str) -> bytes | None:
        """The answer for one class; None where that breaks."""
        pages = json.loads(self.object_info) if self.classes is None and isinstance(self.object_info, bytes) else None
        pages = pages or self.classes or {}
        if name in pages and pages[name] is None:
            return None
        return json.dumps({name: pages[name]} if name in pages else {}).encode()

    def says(self, value: Any) -> None:
        self.object_info = json.dumps(value).encode()


def handler_of(saying: Saying) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body: Body = json.dumps({"system": {}, "devices": saying.devices}).encode()
            saying.paths.append(self.path)
            status = 200
            if self.path == "/object_info":
                saying.asked += 1
                body, status = saying.object_info, saying.status
            elif self.path.startswith("/object_info/"):
                found = saying.says_of(self.path.rpartition("/")[2])
                body, status = (b"", 500) if found is None else (found, 200)
            elif self.path == "/node_replacements":
                status, body = (404, b"404: Not Found") if saying.replacements is None else (200, saying.replacements)
            elif self.path == "/embeddings":
                status, body = (404, b"404: Not Found") if saying.embeddings is None else (200, saying.embeddings)
            elif self.path.startswith("/api/etn/model_info/"):
                said = saying.model_info.get(self.path.rpartition("/")[2].partition("?")[0])
                status, body = (400, b'{"error": "no such folder"}') if said is None else (200, said)
            self.send_response(status)
            self.end_headers()
            with suppress(OSError):  # whoever asked has heard enough
                for part in (body,) if isinstance(body, bytes) else body():
                    self.wfile.write(part)

        def log_message(self, *_: Any) -> None:
            pass

    return Handler


@contextmanager
def saying_server() -> Iterator[Saying]:
    saying = Saying()
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler_of(saying))
    server.daemon_threads = True
    saying.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield saying
    server.shutdown()
    server.server_close()
    thread.join()


@contextmanager
def client_of(url: str, engine: Engine) -> Iterator[ComfyUIClient]:
    """A client of a server that was seen to answer."""
    with reader_of(url, engine) as reader:
        yield reader.client


@contextmanager
def reader_of(url: str, engine: Engine) -> Iterator[CapabilityReader]:
    """A reader, not started, of a server that was seen to answer."""
    fleet = Fleet(engine, [server_url(url)], slots=2, timings=FleetTimings())
    record_sight(engine, url, Sight("0.8.0", Terms(2), 0, None))
    (client,) = fleet.clients.values()
    yield CapabilityReader(fleet, client, threading.Event())
    fleet.close()


def written(engine: Engine, url: str) -> ServerCapabilities | None:
    with transaction(engine) as session:
        return session.get(ServerCapabilities, url)


def known(engine: Engine, url: str) -> ServerCapabilities:
    row = written(engine, url)
    assert row is not None
    return row

"""The ComfyUI servers this worker knows: their clients, and a thread that sees which of them answer."""

import threading
from collections.abc import Sequence

import structlog
from sqlalchemy import Engine, func
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError

from shared.database import transaction
from shared.errors import ComfyUIUnreachable
from shared.models import ComfyUIServer
from worker_service.comfyui.client import ComfyUIClient

log = structlog.get_logger(__name__)

LOOK_S = 5


class Fleet:
    """The clients by server name."""

    def __init__(self, engine: Engine, urls: Sequence[str]) -> None:
        self.engine = engine
        self.clients = {client.name: client for client in map(ComfyUIClient, urls)}
        self.versions: dict[str, str | None] = {}  # as last seen from here; None while a server does not answer
        self.news = {name: threading.Event() for name in self.clients}

    @property
    def names(self) -> list[str]:
        return list(self.clients)

    def client(self, name: str) -> ComfyUIClient | None:
        """The client of a server, or None for one that this worker was not told of."""
        return self.clients.get(name)

    def look(self, client: ComfyUIClient) -> None:
        """See whether a server answers, and write it down. It is news that it is there, or has another version."""
        before = self.versions.get(client.name)
        try:
            self.record(client.name, version=client.version())
        except ComfyUIUnreachable as error:
            self.record(client.name, problem=str(error))
        if self.versions[client.name] not in {None, before}:
            self.news[client.name].set()

    def record(self, name: str, *, version: str | None = None, problem: str | None = None) -> None:
        """Write down that a server answered with its version, or the problem that keeps it from being given jobs."""
        self.versions[name] = None if problem else version
        seen = {"version": version, "last_seen_at": func.now(), "unreachable_since": None, "problem": None}
        lost = {
            "unreachable_since": func.coalesce(ComfyUIServer.unreachable_since, func.now()),
            "problem": problem,
        }
        first = {"unreachable_since": func.now(), "problem": problem}
        statement = insert(ComfyUIServer).values(name=name, **(first if problem else seen))
        with transaction(self.engine) as session:
            session.execute(statement.on_conflict_do_update(index_elements=["name"], set_=lost if problem else seen))

    def close(self) -> None:
        for client in self.clients.values():
            client.close()


class Lookout(threading.Thread):
    """Looks at one server every few seconds until `closing` is set."""

    def __init__(self, fleet: Fleet, client: ComfyUIClient, closing: threading.Event) -> None:
        super().__init__(name=f"lookout-{client.name}", daemon=True)
        self.fleet = fleet
        self.client = client
        self.closing = closing

    def run(self) -> None:
        while True:
            try:
                self.fleet.look(self.client)
            except SQLAlchemyError as error:
                log.warning("server.not_recorded", server=self.client.name, error=str(error))
            if self.closing.wait(LOOK_S):
                return

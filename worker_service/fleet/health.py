"""The ComfyUI servers of this worker: their clients, and probes that see which of them answer and work."""

import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime

import structlog
from sqlalchemy import Engine, case, func, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import col

from shared.configuration.types import ServerUrl
from shared.database.engine import transaction
from shared.jobs.errors import ComfyUIUnreachable, WorkflowRejected
from shared.models import ComfyUIServer
from worker_service.comfyui.client import ComfyUIClient
from worker_service.fleet.timings import FleetTimings
from worker_service.fleet.wedge import WedgeDetector, runs_again

log = structlog.get_logger(__name__)

RUNS_NOTHING = "it answers, but has prompts waiting and runs none; restart it"


class Fleet:
    """The clients by server name, and what this worker knows of each server.

    `slots` are those of a server whose URL names none. `restart` is called with the URL of a server that was found
    wedged.
    """

    def __init__(
        self,
        engine: Engine,
        urls: Sequence[ServerUrl],
        *,
        slots: int,
        restart: Callable[[str], None] | None = None,
        timings: FleetTimings,
    ) -> None:
        self.engine = engine
        self.timings = timings
        self.clients = {client.name: client for client in map(ComfyUIClient, urls)}
        self.slots = {name: url.slots or slots for name, url in zip(self.clients, urls, strict=True)}
        self.restart = restart
        self.wedged: set[str] = set()
        self.detectors: defaultdict[str, WedgeDetector] = defaultdict(WedgeDetector)
        self.versions: dict[str, str | None] = {}  # as last seen by this worker; None while a server does not answer
        self.changed = {name: threading.Event() for name in self.clients}  # set where capabilities should be read now

    def probe(self, client: ComfyUIClient) -> None:
        """See whether a server answers and works, and write it down. A server that is there again, or has another
        version, has changed."""
        name = client.name
        before = self.versions.get(name)
        try:
            version, queue = client.version(), client.queue()
        except ComfyUIUnreachable as error:
            self.record_loss(name, str(error))
            return
        wedged_since = self.record_sight(name, version)
        if version != before:
            self.changed[name].set()
        if not wedged_since:
            self.wedged.discard(name)
            if self.detectors[name].sees_wedge(queue):
                self.record_wedge(name, RUNS_NOTHING)
            return
        self.wedged.add(name)
        # A server that does not answer now is probed again; one without these nodes refuses each time.
        with suppress(ComfyUIUnreachable, WorkflowRejected):
            if runs_again(client, self.timings.canary_s):
                self.record_recovery(name)

    def record_sight(self, name: str, version: str) -> datetime | None:
        """Write down that a server answered, with its version. Returns since when it is wedged."""
        self.versions[name] = version
        wedged_since = col(ComfyUIServer.wedged_since)
        seen = {
            "version": version,
            "slots": self.slots[name],
            "last_seen_at": func.now(),
            "named_at": func.now(),
            "unreachable_since": None,
            "problem": case((wedged_since.is_(None), None), else_=col(ComfyUIServer.problem)),
        }
        first = insert(ComfyUIServer).values(name=name, **{**seen, "problem": None})
        statement = first.on_conflict_do_update(index_elements=["name"], set_=seen).returning(wedged_since)
        with transaction(self.engine) as session:
            found: datetime | None = session.execute(statement).scalar_one()
        return found

    def record_loss(self, name: str, problem: str) -> None:
        """Write down what keeps a server from being given jobs until it answers again. It may have been restarted,
        so nothing is known of what it has loaded."""
        self.versions[name] = None
        lost = {
            "unreachable_since": func.coalesce(ComfyUIServer.unreachable_since, func.now()),
            "problem": problem,
            "loaded_checkpoint": None,
            "named_at": func.now(),
        }
        first = insert(ComfyUIServer).values(
            name=name, slots=self.slots.get(name, 1), unreachable_since=func.now(), problem=problem
        )
        with transaction(self.engine) as session:
            session.execute(first.on_conflict_do_update(index_elements=["name"], set_=lost))

    def record_wedge(self, name: str, problem: str) -> None:
        """Write down that a server answers but does not work. The first worker to do so has it restarted."""
        self.wedged.add(name)
        self.detectors.pop(name, None)
        statement = (
            update(ComfyUIServer)
            .where(col(ComfyUIServer.name) == name, col(ComfyUIServer.wedged_since).is_(None))
            .values(wedged_since=func.now(), problem=problem, loaded_checkpoint=None)
            .returning(col(ComfyUIServer.name))
        )
        with transaction(self.engine) as session:
            is_first = session.execute(statement).one_or_none() is not None
        if is_first:
            log.error("server.wedged", server=name, problem=problem)
            if self.restart:
                self.restart(name)

    def record_recovery(self, name: str) -> None:
        statement = update(ComfyUIServer).where(col(ComfyUIServer.name) == name)
        with transaction(self.engine) as session:
            session.execute(statement.values(wedged_since=None, problem=None))
        self.wedged.discard(name)
        log.info("server.runs_again", server=name)

    def close(self) -> None:
        for client in self.clients.values():
            client.close()


class HealthProbe(threading.Thread):
    """Probes one server every few seconds until `closing` is set."""

    def __init__(self, fleet: Fleet, client: ComfyUIClient, closing: threading.Event) -> None:
        super().__init__(name=f"health-probe-{client.name}", daemon=True)
        self.fleet = fleet
        self.client = client
        self.closing = closing

    def run(self) -> None:
        while True:
            try:
                self.fleet.probe(self.client)
            except SQLAlchemyError as error:
                log.warning("server.not_recorded", server=self.client.name, error=str(error))
            except RuntimeError:
                # The client was closed under a probe that took its time.
                if not self.closing.is_set():
                    raise
            if self.closing.wait(self.fleet.timings.probe_every_s):
                return

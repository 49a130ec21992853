"""The servers that admins add, change and remove over HTTP: each worker follows their rows, so that all agree."""

import threading
from collections.abc import Callable, Mapping
from typing import Any

import structlog
from sqlalchemy import ARRAY, Engine, Row, Text, any_, exists, literal, or_, select
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import col

from shared.configuration.secrets.vault import NoVault, Vault
from shared.configuration.server_urls import server_url
from shared.database.engine import reading
from shared.models import HELD, LIVE, ComfyUIServer, GenerationJob
from worker_service.dramatiq_glue.consumer import Capacity
from worker_service.fleet.capability_reader import CapabilityReader
from worker_service.fleet.health import Fleet
from worker_service.fleet.health_probe import HealthProbe

log = structlog.get_logger(__name__)

LOOKERS: tuple[Callable[..., threading.Thread], ...] = (HealthProbe, CapabilityReader)


class Roster(threading.Thread):
    """Looks at the rows every few seconds until `closing` is set. `forget` is called with the name of a server that
    this worker has no more."""

    def __init__(
        self, fleet: Fleet, vault: Vault, capacity: Capacity, forget: Callable[[str], None], closing: threading.Event
    ) -> None:
        super().__init__(name="roster", daemon=True)
        self.fleet = fleet
        self.vault = vault
        self.capacity = capacity
        self.forget = forget
        self.closing = closing
        self.added: dict[str, threading.Event] = {}  # what ends the threads that look at each
        self.sealed: dict[str, str | None] = {}  # the credentials that each is called with, as they are stored

    def run(self) -> None:
        while not self.closing.is_set():
            self.look_safely()
            self.closing.wait(self.fleet.timings.follow_every_s)
        for ended in self.added.values():
            ended.set()

    def look_safely(self) -> None:
        """Whatever goes wrong, the next look comes; until then the servers are those of the last one."""
        try:
            self.look()
        except SQLAlchemyError as error:
            log.warning("roster.not_read", error=str(error))
        except Exception:
            log.exception("roster.not_followed")

    def look(self) -> None:
        rows = read_rows(self.fleet)
        for row in rows.values():
            if row.added_at and not row.removed_at and (row.name in self.added or row.name not in self.fleet.clients):
                self.keep(row)
        removed = {name: rows.get(name) for name in self.added if name not in rows or rows[name].removed_at}
        self.fleet.leaving = frozenset(name for name, row in removed.items() if row is None or row.moves_jobs)
        for name in removed:
            if not is_needed(self.fleet.engine, name, is_left=name in self.fleet.leaving):
                self.drop(name)
        self.fleet.set_slots({row.name: row.slots for row in rows.values() if "slots" in row.by_hand})
        self.capacity.resize(self.fleet.slots)

    def keep(self, row: Row[Any]) -> None:
        """Have this server among those of the worker, called with the credentials that it has now."""
        if row.name in self.added and self.sealed[row.name] == row.credentials:
            return
        try:
            headers = self.vault.opened(row.credentials) if row.credentials else {}
        except NoVault as error:
            log.warning("server.credentials_not_read", server=row.name, error=str(error))
            self.fleet.record_loss(row.name, f"its credentials cannot be read by a worker: {error}")
            return
        if row.name not in self.added:
            self.add(row.name, headers)
        self.fleet.clients[row.name].url.headers = headers
        self.sealed[row.name] = row.credentials

    def add(self, name: str, headers: Mapping[str, str]) -> None:
        url, ended = server_url(name), threading.Event()
        url.headers = headers
        client = self.fleet.add(url)
        self.added[name] = ended
        for make in LOOKERS:
            make(self.fleet, client, ended).start()
        log.info("server.taken_on", server=name)

    def drop(self, name: str) -> None:
        self.added.pop(name).set()
        self.fleet.remove(name)
        self.forget(name)
        log.info("server.let_go", server=name)


def read_rows(fleet: Fleet) -> Mapping[str, Row[Any]]:
    """The rows of added servers, and of those that this worker has."""
    row = ComfyUIServer
    columns = (row.name, row.slots, row.by_hand, row.credentials, row.added_at, row.removed_at, row.moves_jobs)
    is_added = (col(row.added_at).is_not(None)) & (col(row.removed_at).is_(None))
    is_ours = col(row.name) == any_(literal(list(fleet.clients), ARRAY(Text)))
    with reading(fleet.engine) as session:
        found = session.execute(select(*columns).where(or_(is_added, is_ours)))  # type: ignore[call-overload]
        return {one.name: one for one in found}


def is_needed(engine: Engine, server: str, *, is_left: bool) -> bool:
    """Whether jobs are on a server that was removed; or, unless it `is_left`, may have a prompt there that must be
    looked for before they run again."""
    statuses = HELD if is_left else LIVE
    there = (col(GenerationJob.server) == server, col(GenerationJob.status).in_(statuses))
    with reading(engine) as session:
        return bool(session.execute(select(exists().where(*there))).scalar())

"""The nodes and models of each server are read from it, and written down, where something may have changed.

That is so when it comes back or has another version, when its loaders list other models, and once an hour.
"""

import hashlib
import json
import threading
import time
from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import Any

import structlog
from sqlalchemy import Engine, func, update
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session, col, select

from shared.database.engine import reading, transaction
from shared.fleet.capabilities import LOCK_OFFERS, compare_servers, offers
from shared.fleet.object_info import read_catalogue
from shared.fleet.probes import ProbeKind, ProbeOutcome
from shared.jobs.errors import ComfyUIUnreachable
from shared.models import ServerCapabilities
from worker_service.comfyui.client import ComfyUIClient
from worker_service.comfyui.listings.embeddings import embeddings_of
from worker_service.comfyui.listings.model_info import model_info_of
from worker_service.fleet.class_pages import LOADERS, lists_the_same, read_pages
from worker_service.fleet.health import Fleet
from worker_service.fleet.records import record_probe

log = structlog.get_logger(__name__)


class CapabilityReader(threading.Thread):
    """Looks at one server every minute until `closing` is set, and reads all of it at once when it has `changed`.

    A thread of its own: a server may take long to list its nodes, and must be seen to answer meanwhile.
    """

    def __init__(self, fleet: Fleet, client: ComfyUIClient, closing: threading.Event) -> None:
        super().__init__(name=f"capability-reader-{client.name}", daemon=True)
        self.engine = fleet.engine
        self.timings = fleet.timings
        self.changed = fleet.changed[client.name]
        self.notes = fleet.notes[client.name]
        self.whole_at = 0.0  # when all of it is to be read again
        self.failures = 0  # to do so, in a row
        self.client = client
        self.closing = closing

    def run(self) -> None:
        due_at = time.monotonic() + self.timings.read_every_s
        while not self.closing.is_set():
            # In short waits, so that it ends soon after the others do.
            has_changed = self.changed.wait(1.0)
            if has_changed or time.monotonic() >= due_at:
                self.changed.clear()
                due_at = time.monotonic() + self.timings.read_every_s
                self.read_safely(at_once=has_changed)

    def read_safely(self, *, at_once: bool) -> None:
        """Read the server unless another worker did lately. Whatever goes wrong, the server still gets jobs."""
        try:
            self.read(at_once=at_once)
            record_probe(self.engine, self.client.name, ProbeKind.CAPABILITIES, ProbeOutcome.PASSED, None)
        except ComfyUIUnreachable as error:
            log.warning("capabilities.not_read", server=self.client.name, error=str(error))
            self.put_off()
            self.tell(str(error))
            self.note_failure(error.reason)
        except (SQLAlchemyError, RecursionError) as error:
            log.warning("capabilities.not_read", server=self.client.name, error=str(error))
            self.tell(f"what it lists could not be written down: {type(error).__name__}")
        except Exception as error:
            if not self.closing.is_set():  # else the client was closed meanwhile
                log.warning("capabilities.not_understood", server=self.client.name, exc_info=error)
                self.tell(f"what it lists was not understood: {type(error).__name__}")

    def tell(self, problem: str) -> None:
        try:
            record_probe(self.engine, self.client.name, ProbeKind.CAPABILITIES, ProbeOutcome.FAILED, problem)
        except SQLAlchemyError as error:
            log.warning("server.not_recorded", server=self.client.name, error=str(error))

    def read(self, *, at_once: bool) -> None:
        fresh = timedelta(seconds=self.timings.fresh_s)
        if not at_once and was_read_lately(self.engine, self.client.name, fresh):
            return
        is_whole = at_once or time.monotonic() >= self.whole_at
        if not is_whole and (self.failures or confirm_models(self.engine, self.client)):
            return
        note = read_capabilities(self.engine, self.client)
        self.failures, self.whole_at = 0, time.monotonic() + self.timings.read_whole_every_s
        self.notes.write({"capabilities": note})

    def put_off(self) -> None:
        """A server that cannot say what it can do is asked less and less often, as each question may cost it much."""
        self.failures += 1
        pause_s = self.timings.read_every_s * 2 ** min(self.failures, 10)
        self.whole_at = time.monotonic() + min(pause_s, self.timings.read_whole_every_s)

    def note_failure(self, reason: str) -> None:
        """The server gets jobs all the same: those that fit what it last had, or all of them if that was never read."""
        try:
            with reading(self.engine) as session:
                is_known = session.get(ServerCapabilities, self.client.name) is not None
            means = "what it last listed holds" if is_known else "jobs are sent to it unchecked"
            self.notes.write({"capabilities": f"its node classes cannot be read: {reason}; {means}"})
        except SQLAlchemyError as error:
            log.warning("capabilities.not_noted", server=self.client.name, error=str(error))


def was_read_lately(engine: Engine, server: str, fresh: timedelta) -> bool:
    with reading(engine) as session:
        lately = col(ServerCapabilities.refreshed_at) > func.now() - fresh
        return (
            session.exec(
                select(ServerCapabilities.server).where(col(ServerCapabilities.server) == server, lately)
            ).first()
            is not None
        )


def last_pages(engine: Engine, server: str) -> Mapping[str, Any]:
    """What the server said of its classes when it was last read; empty if it never was."""
    with reading(engine) as session:
        found = select(ServerCapabilities.object_info).where(col(ServerCapabilities.server) == server)
        return session.exec(found).one_or_none() or {}


def confirm_models(engine: Engine, client: ComfyUIClient) -> bool:
    """Note that the server still has the same models, if that is so. Raises ComfyUIUnreachable and SQLAlchemyError."""
    pages = [func.jsonb_extract_path(col(ServerCapabilities.object_info), name, type_=JSONB) for name in LOADERS]
    with reading(engine) as session:
        asked = select(col(ServerCapabilities.embeddings), *pages).where(col(ServerCapabilities.server) == client.name)
        embeddings, *found = session.execute(asked).one_or_none() or ([],)
    loaders = {name: page for name, page in zip(LOADERS, found, strict=False) if page is not None}
    if not lists_the_same(client, loaders) or known_embeddings(client) != embeddings:
        return False
    devices = client.devices()
    same = update(ServerCapabilities).where(col(ServerCapabilities.server) == client.name)
    with transaction(engine) as session:
        session.execute(same.values(devices=devices, refreshed_at=func.now()))
    return True


def read_capabilities(engine: Engine, client: ComfyUIClient) -> str | None:
    """Read what a server can do, and write it down. Returns what is wrong with it, in words. Raises ComfyUIUnreachable
    and SQLAlchemyError."""
    object_info, note = read_pages(client, partial(last_pages, engine, client.name))
    write_down(engine, client, object_info)
    note_models(engine, client, object_info)
    return note


def write_down(engine: Engine, client: ComfyUIClient, object_info: dict[str, Any]) -> None:
    devices, replacements, embeddings = client.devices(), replacements_of(client), known_embeddings(client)
    beside = {" ": replacements, "  ": embeddings}  # no class is called so
    digest = digest_of({**object_info, **{name: said for name, said in beside.items() if said}})
    with transaction(engine) as session:
        if confirm(session, client.name, digest, devices):
            return
    # A transaction of its own: two workers that lock the table after their UPDATE above would wait for each other.
    with transaction(engine) as session:
        read = {"digest": digest, "devices": devices, "replacements": replacements, "embeddings": embeddings}
        replace(session, client.name, object_info=object_info, **read)
    log.info("capabilities.changed", server=client.name, node_classes=len(object_info), digest=digest)


def note_models(engine: Engine, client: ComfyUIClient, object_info: Mapping[str, Any]) -> None:
    """Read what the server's models are, after all else is written down: it may take minutes. What it does not answer
    stays as it was. Raises SQLAlchemyError."""
    said = model_info_of(client, object_info)
    of_server = col(ServerCapabilities.server) == client.name
    with reading(engine) as session:
        known = session.exec(select(ServerCapabilities.model_info).where(of_server)).one_or_none() or {}
    found = {folder: models for folder, models in {**known, **said}.items() if models is not None}
    if found != known:
        with transaction(engine) as session:
            session.execute(update(ServerCapabilities).where(of_server).values(model_info=found))


def replacements_of(client: ComfyUIClient) -> dict[str, Any]:
    """What the server replaces; nothing where it does not say so: that keeps no job from what it does say."""
    try:
        return {name: listed for name, listed in client.node_replacements().items() if isinstance(listed, list)}
    except ComfyUIUnreachable as error:
        log.info("replacements.not_read", server=client.name, error=str(error))
        return {}


def known_embeddings(client: ComfyUIClient) -> list[str]:
    """The embeddings that the server lists; none where it does not say so."""
    try:
        return embeddings_of(client)
    except ComfyUIUnreachable as error:
        log.info("embeddings.not_read", server=client.name, error=str(error))
        return []


def confirm(session: Session, server: str, digest: str, devices: list[dict[str, Any]]) -> bool:
    """Note that the server still has the same nodes and models, if that is so."""
    same = (col(ServerCapabilities.server) == server, col(ServerCapabilities.digest) == digest)
    confirmed = update(ServerCapabilities).where(*same).values(devices=devices, refreshed_at=func.now())
    return session.execute(confirmed.returning(col(ServerCapabilities.server))).first() is not None


def replace(session: Session, server: str, *, object_info: dict[str, Any], **values: Any) -> None:
    session.execute(LOCK_OFFERS)
    values |= {
        "object_info": object_info,
        "offers": offers(read_catalogue(object_info, values["replacements"])),
        "refreshed_at": func.now(),
    }
    statement = insert(ServerCapabilities).values(server=server, **values)
    session.execute(statement.on_conflict_do_update(index_elements=["server"], set_=values))
    compare_servers(session)


def digest_of(object_info: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(object_info, sort_keys=True).encode()).hexdigest()

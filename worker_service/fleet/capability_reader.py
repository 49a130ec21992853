"""What each server can do is read from it every minute, and written down where it has changed."""

import hashlib
import json
import math
import threading
import time
from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy import Engine, func, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session, col, select

from shared.database.engine import transaction
from shared.fleet.capabilities import LOCK_OFFERS, compare_servers, offers
from shared.fleet.object_info import read_catalogue
from shared.jobs.errors import ComfyUIUnreachable
from shared.models import ServerCapabilities
from worker_service.comfyui.client import ComfyUIClient

log = structlog.get_logger(__name__)

SURVEY_S = 60.0
FRESH = timedelta(seconds=45)  # what another worker read so lately is not read again


class Surveyor(threading.Thread):
    """Surveys one server every minute until `closing` is set, and at once when there is news of it.

    A thread of its own: a server may take long to say what it can do, and must be seen to answer meanwhile.
    """

    def __init__(
        self, engine: Engine, client: ComfyUIClient, *, news: threading.Event, closing: threading.Event
    ) -> None:
        super().__init__(name=f"surveyor-{client.name}", daemon=True)
        self.engine = engine
        self.client = client
        self.news = news
        self.closing = closing

    def run(self) -> None:
        due_at = time.monotonic() + SURVEY_S
        while not self.closing.is_set():
            # In short waits, so that it ends soon after the others do.
            is_news = self.news.wait(1.0)
            if is_news or time.monotonic() >= due_at:
                self.news.clear()
                due_at = time.monotonic() + SURVEY_S
                self.survey_safely(at_once=is_news)

    def survey_safely(self, *, at_once: bool) -> None:
        """Whatever a server says of itself, it still gets jobs: nothing that goes wrong here has other consequences."""
        try:
            if at_once or not was_surveyed_lately(self.engine, self.client.name):
                survey(self.engine, self.client)
        except (ComfyUIUnreachable, SQLAlchemyError, RecursionError) as error:
            log.warning("capabilities.not_read", server=self.client.name, error=str(error))
        except Exception as error:
            if not self.closing.is_set():  # else the client was closed meanwhile
                log.warning("capabilities.not_understood", server=self.client.name, exc_info=error)


def was_surveyed_lately(engine: Engine, server: str) -> bool:
    with transaction(engine) as session:
        lately = col(ServerCapabilities.refreshed_at) > func.now() - FRESH
        return (
            session.exec(
                select(ServerCapabilities.server).where(col(ServerCapabilities.server) == server, lately)
            ).first()
            is not None
        )


def survey(engine: Engine, client: ComfyUIClient) -> None:
    """Read what a server can do, and write it down. Raises ComfyUIUnreachable and SQLAlchemyError."""
    object_info, devices = storable(client.object_info()), storable(client.devices())
    digest = digest_of(object_info)
    with transaction(engine) as session:
        if confirm(session, client.name, digest, devices):
            return
    # A transaction of its own: with what the UPDATE above locked, two that go on to lock the table would wait for each
    # other.
    with transaction(engine) as session:
        replace(session, client.name, digest=digest, devices=devices, object_info=object_info)
    log.info("capabilities.changed", server=client.name, node_classes=len(object_info), digest=digest)


def confirm(session: Session, server: str, digest: str, devices: list[dict[str, Any]]) -> bool:
    """Write down that the server can still do the same, if that is so."""
    same = (col(ServerCapabilities.server) == server, col(ServerCapabilities.digest) == digest)
    confirmed = update(ServerCapabilities).where(*same).values(devices=devices, refreshed_at=func.now())
    return session.execute(confirmed.returning(col(ServerCapabilities.server))).first() is not None


def replace(session: Session, server: str, *, object_info: dict[str, Any], **facts: Any) -> None:
    session.execute(LOCK_OFFERS)
    values = {
        **facts,
        "object_info": object_info,
        "offers": offers(read_catalogue(object_info)),
        "refreshed_at": func.now(),
    }
    statement = insert(ServerCapabilities).values(server=server, **values)
    session.execute(statement.on_conflict_do_update(index_elements=["server"], set_=values))
    compare_servers(session)


def digest_of(object_info: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(object_info, sort_keys=True).encode()).hexdigest()


def storable(value: Any) -> Any:
    """The same as far as jsonb takes it: without U+0000 and halves of surrogate pairs, and null for NaN and such."""
    match value:
        case dict():
            return {storable(str(key)): storable(item) for key, item in value.items()}
        case list():
            return [storable(item) for item in value]
        case str():
            return value.replace("\0", "").encode(errors="replace").decode()
        case float() if not math.isfinite(value):
            return None
        case _:
            return value

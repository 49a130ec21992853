"""Servers are added, changed and removed by admins: rows, which workers follow within seconds."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any
from urllib.parse import SplitResult, urlsplit

import structlog
from sqlalchemy import Engine, func
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col, select

from api_service.fleet.fleet_queries import ServerView, observe
from api_service.refusals.fleet import server_exists, server_in_settings, server_not_found
from api_service.refusals.jobs import invalid_fields
from api_service.refusals.refusal import FieldError
from shared.configuration.secrets.vault import NoVault, Vault
from shared.database.engine import transaction
from shared.fleet import servers
from shared.fleet.servers import IS_NAMED
from shared.models import ComfyUIServer

log = structlog.get_logger(__name__)

TERMS = ("slots", "weight", "labels")
DEFAULTS: Mapping[str, Any] = {"weight": 1.0, "labels": []}  # until a worker says what its settings have
OWN_PATHS = ("", "/api")  # where our own API answers as a ComfyUI does
KEY_PATH = "/c/"  # and so it does behind an address with a key
PORTS = {"http": 80, "https": 443}


class Departure(StrEnum):
    """What becomes of the jobs of a server that is removed."""

    DRAINED = "drained"  # they end there
    NOW = "now"  # they are moved to other servers


def sealed(vault: Vault, headers: Mapping[str, str]) -> str:
    """Credentials as they are stored. Reads a file. Raises Refusal: invalid_fields."""
    try:
        return vault.seal(headers)
    except NoVault as error:
        message = f"are not taken: they could not be stored encrypted, as {error}"
        raise invalid_fields([FieldError(field="credentials", message=message, code="secret_not_taken")]) from None


def refuse_own(url: str, own: Sequence[str], *, root: str = "") -> None:
    """Jobs that are sent to ourselves would go round and round. We answer with and without `root`, the ROOT_PATH.

    Raises Refusal: invalid_fields.
    """
    there = urlsplit(url)
    for base in map(urlsplit, own):
        paths = {there.path.removeprefix(one) for one in (base.path.rstrip("/"), root)}
        if origin_of(there) == origin_of(base) and any(map(is_own, paths)):
            message = "is the address of this very service; a server is a ComfyUI"
            raise invalid_fields([FieldError(field="url", message=message, code="own_address")])


def is_own(path: str) -> bool:
    return path.rstrip("/") in OWN_PATHS or path.startswith(KEY_PATH)


def origin_of(url: SplitResult) -> tuple[str | None, int | None]:
    return url.hostname, url.port or PORTS.get(url.scheme)


def add(engine: Engine, url: str, given: Mapping[str, Any], credentials: str | None) -> ServerView:
    """A server that workers use from now on. Raises Refusal: server_exists."""
    first = insert(ComfyUIServer).values(name=url, added_at=func.now())
    with transaction(engine) as session:
        is_new = session.execute(first.on_conflict_do_nothing().returning(col(ComfyUIServer.name))).first()
        server = session.get_one(ComfyUIServer, url, with_for_update=True)
        if is_new is None and server.removed_at is None and (server.added_at or is_named(session, url)):
            raise server_exists(url, is_added=server.added_at is not None)
        server.added_at = server.named_at = session.exec(select(func.now())).one()
        server.removed_at, server.moves_jobs, server.credentials = None, False, credentials
        apply(server, {**dict.fromkeys(TERMS), "enabled": True, **given})
        return seen(session, server, "server.added")


def change(engine: Engine, name: str, given: Mapping[str, Any]) -> ServerView:
    """Raises Refusal: server_not_found; invalid_fields."""
    with transaction(engine) as session:
        server = servers.held(session, name.rstrip("/"))
        if server is None:
            raise server_not_found(name)
        if "credentials" in given and not server.added_at:
            message = "are part of its URL in COMFYUI_URLS, which names this server"
            raise invalid_fields([FieldError(field="credentials", message=message, code="server_in_settings")])
        apply(server, given)
        return seen(session, server, "server.changed")


def remove(engine: Engine, name: str, when: Departure) -> ServerView:
    """Workers let it go once no job is there. Raises Refusal: server_not_found, server_in_settings."""
    with transaction(engine) as session:
        server = session.get(ComfyUIServer, name.rstrip("/"), with_for_update=True)
        if server is None:
            raise server_not_found(name)
        if not server.added_at:
            raise server_in_settings(name)
        now = session.exec(select(func.now())).one()
        server.removed_at, server.draining_since = server.removed_at or now, server.draining_since or now
        server.moves_jobs = server.moves_jobs or when is Departure.NOW
        return seen(session, server, "server.removed")


def apply(server: ComfyUIServer, given: Mapping[str, Any]) -> None:
    """Change what is given. A term of None is what the settings of the workers say again: their next look has it."""
    for term in [term for term in TERMS if term in given]:
        value = given[term]
        server.by_hand = sorted({*server.by_hand, term} if value is not None else {*server.by_hand} - {term})
        if value is not None or term in DEFAULTS:
            setattr(server, term, DEFAULTS[term] if value is None else value)
    if "credentials" in given:
        server.credentials = given["credentials"]
    if "enabled" in given:
        server.draining_since = None if given["enabled"] else server.draining_since or func.now()  # type: ignore[assignment]


def is_named(session: Session, name: str) -> bool:
    """Whether a worker has looked at it lately."""
    return session.exec(select(ComfyUIServer.name).where(IS_NAMED, ComfyUIServer.name == name)).first() is not None


def seen(session: Session, server: ComfyUIServer, event: str) -> ServerView:
    session.flush()
    session.refresh(server)
    log.info(event, server=server.name)
    return ServerView.of(server, observe(session))

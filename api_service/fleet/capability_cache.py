"""What the fleet can do, as this process last read it: asked with every job, and read from the database every 5 s."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any

import structlog
from sqlalchemy import Engine, func
from sqlalchemy import select as columns_of
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session, col, select

from api_service.fleet.read_again import ReadAgain
from shared.database.engine import transaction
from shared.fleet.model_folders import kinds_of, names_of
from shared.fleet.node_inputs import NodeInput, declared_for
from shared.fleet.object_info import Catalogue, NodeClass, read_catalogue
from shared.fleet.servers import IS_NAMED, USABLE
from shared.models import ComfyUIServer, ServerCapabilities

log = structlog.get_logger(__name__)

FORGOTTEN = timedelta(days=7)  # a server that was not seen for this long is not expected back
# One that was just added is expected before a worker has seen it.
IS_EXPECTED = func.coalesce(ComfyUIServer.last_seen_at, ComfyUIServer.added_at) > func.now() - FORGOTTEN


def of_seen_servers(column: Any) -> Any:
    """The SELECT of a column of `server_capabilities`, a row for each server that was seen lately; those that are given
    jobs come first."""
    return (
        columns_of(col(column))
        .join(ComfyUIServer, col(ComfyUIServer.name) == col(ServerCapabilities.server))
        .where(col(ComfyUIServer.last_seen_at) > func.now() - FORGOTTEN)
        .order_by(USABLE.desc(), col(ComfyUIServer.name))
    )


@dataclass(frozen=True)
class KnownServer:
    """A server, whether it is given jobs right now, what it can do (None if it never said), whether a worker still
    names it, and its labels."""

    name: str
    is_usable: bool
    catalogue: Catalogue | None
    is_named: bool = True
    labels: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Holders:
    """On how many of the servers that workers name something is, and whether one of them is usable."""

    servers: int
    is_available: bool


@dataclass(frozen=True)
class Capabilities:
    """The servers of the fleet; or only those that have these `labels`."""

    servers: tuple[KnownServer, ...] = ()
    labels: Sequence[str] = ()

    def having(self, labels: Sequence[str]) -> "Capabilities":
        """Those of the servers that have all of these labels."""
        if not labels:
            return self
        return Capabilities(tuple(one for one in self.servers if one.labels.issuperset(labels)), labels)

    def kinds(self) -> list[str]:
        """The kinds of models that can be listed."""
        return kinds_of(server.catalogue for server in self.servers if server.catalogue)

    def models(self, kind: str) -> dict[str, Holders]:
        """The names of a kind, sorted, and who has each. Raises KeyError for a kind that is none."""
        by_name: dict[str, list[KnownServer]] = {}
        for server in self.servers:
            for name in names_of(server.catalogue, kind) if server.catalogue else ():
                by_name.setdefault(name, []).append(server)
        return {name: holders(by_name[name]) for name in sorted(by_name, key=str.casefold)}

    def node_class(self, name: str) -> tuple[NodeClass, Holders] | None:
        """A node class as the first server has it, of the usable ones if one of those has it; None if none has."""
        having = [server for server in self.servers if server.catalogue and name in server.catalogue.classes]
        for server in sorted(having, key=lambda server: not server.is_usable):
            if server.catalogue is not None:
                return server.catalogue.classes[name], holders(having)
        return None

    def node_classes(self, name: str) -> list[NodeClass]:
        """A node class as each server has it, those of usable ones first; servers that said the same count once."""
        having = [server for server in self.servers if server.catalogue and name in server.catalogue.classes]
        catalogues = {
            id(server.catalogue): server.catalogue
            for server in sorted(having, key=lambda server: not server.is_usable)
            if server.catalogue is not None
        }
        return [catalogue.classes[name] for catalogue in catalogues.values()]

    def replacements_of(self, name: str) -> set[str]:
        """The classes as which servers that lack this one run its nodes."""
        catalogues = [server.catalogue for server in self.servers if server.catalogue]
        return {found.new for catalogue in catalogues if (found := catalogue.replacements.get(name))}

    def input_variants(self, node: Mapping[str, Any]) -> list[Mapping[str, NodeInput]]:
        """The inputs that a node has with its values, as each server declares them; servers that said the same count
        once."""
        return [declared_for(found.inputs, node["inputs"]) for found in self.node_classes(node["class_type"])]

    @cached_property
    def loaders(self) -> frozenset[str]:
        """The node classes of which some input takes a file, or stands for others that may."""
        inputs = [
            (name, one)
            for server in self.servers
            if server.catalogue
            for name, found in server.catalogue.classes.items()
            for one in found.inputs.values()
        ]
        return frozenset(name for name, one in inputs if one.takes is not None or one.parts is not None)

    def node_class_names(self) -> set[str]:
        return {name for server in self.servers if server.catalogue for name in server.catalogue.classes}


def holders(having: list[KnownServer]) -> Holders:
    return Holders(sum(server.is_named for server in having), any(server.is_usable for server in having))


class CapabilityReader(ReadAgain[Capabilities]):
    """What the fleet can do; what is known stays while the database is away."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(Capabilities())
        self.engine = engine
        self.catalogues: dict[str, Catalogue] = {}  # by digest

    def read(self) -> Capabilities:
        try:
            with transaction(self.engine) as session:
                return self.read_fleet(session)
        except SQLAlchemyError as error:
            log.warning("capabilities.not_read", error=str(error))
            return self.known

    def read_fleet(self, session: Session) -> Capabilities:
        """One small question; and one for each `/object_info` that this process has not seen yet."""
        statement = (
            select(ComfyUIServer, USABLE, ServerCapabilities.digest, IS_NAMED)
            .join(ServerCapabilities, isouter=True)
            .where(IS_EXPECTED, col(ComfyUIServer.removed_at).is_(None))
            .order_by(ComfyUIServer.name)
        )
        rows = session.exec(statement).all()
        digests = {digest for _, _, digest, _ in rows if digest}
        self.catalogues = {digest: self.catalogue(session, digest) for digest in digests}
        return Capabilities(
            tuple(
                KnownServer(row.name, usable, self.catalogues[digest] if digest else None, named, frozenset(row.labels))
                for row, usable, digest, named in rows
            )
        )

    def catalogue(self, session: Session, digest: str) -> Catalogue:
        known = self.catalogues.get(digest)
        if known is None:
            asked = select(
                ServerCapabilities.object_info, ServerCapabilities.replacements, ServerCapabilities.embeddings
            )
            found = session.exec(asked.where(col(ServerCapabilities.digest) == digest).limit(1)).first()
            known = read_catalogue(*found) if found else read_catalogue({})
        return known

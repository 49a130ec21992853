"""The assets that jobs name, read from the rows of their owner: another user's are not there."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import Engine
from sqlalchemy.dialects.postgresql import distinct_on
from sqlmodel import Session, col, select

from api_service.fleet.capability_cache import Capabilities
from api_service.inputs.named import MOST_NAMES, Meant, named_in
from shared.database.engine import reading
from shared.files.assets import is_kept
from shared.models import Asset
from shared.workflows.references import AssetsByInput


@dataclass(frozen=True)
class KnownAssets:
    """Assets by their id; and the newest of each name, and one of each content."""

    by_id: Mapping[UUID, Asset] = field(default_factory=dict)
    by_name: Mapping[str, Asset] = field(default_factory=dict)
    by_hash: Mapping[str, Asset] = field(default_factory=dict)

    def find(self, meant: Meant) -> Asset | None:
        if meant.name is not None:
            return self.by_name.get(meant.name)
        if meant.hash is not None:
            return self.by_hash.get(meant.hash)
        return self.by_id.get(meant.id) if meant.id else None


NONE = KnownAssets()


def assets_named_by(
    engine: Engine, owner: UUID, graphs: Iterable[tuple[Mapping[str, Any], AssetsByInput]], capabilities: Capabilities
) -> KnownAssets:
    """The owner's assets that these graphs name, each with those that were found for it before. Most name none, and
    nothing is asked."""
    by_graph = [{one.meant for one in named_in(graph, capabilities, settled)} for graph, settled in graphs]
    # One that names too many is refused for that.
    meant = set[Meant]().union(*(names for names in by_graph if len(names) <= MOST_NAMES))
    if not meant:
        return NONE
    with reading(engine) as session:
        return read(session, owner, meant)


def read(session: Session, owner: UUID, meant: Iterable[Meant]) -> KnownAssets:
    ids, names, hashes = (sorted(filter(None, part)) for part in zip(*meant, strict=True))
    kept = select(Asset).where(Asset.user_id == owner, is_kept())
    newest = (col(Asset.created_at).desc(), col(Asset.id).desc())
    by_id = session.exec(kept.where(col(Asset.id).in_(ids))).all() if ids else ()
    named = kept.ext(distinct_on(col(Asset.name))).order_by(col(Asset.name), *newest)
    by_name = session.exec(named.where(col(Asset.name).in_(names))).all() if names else ()
    alike = kept.ext(distinct_on(col(Asset.hash))).order_by(col(Asset.hash), *newest)
    by_hash = session.exec(alike.where(col(Asset.hash).in_(hashes))).all() if hashes else ()
    return KnownAssets(
        {one.id: one for one in by_id}, {one.name: one for one in by_name}, {one.hash: one for one in by_hash}
    )

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
from api_service.inputs.outputs import asset_id_of, future_asset, outputs_at
from shared.database.engine import reading
from shared.files.assets import is_kept, newest_named
from shared.models import Asset, JobOutput
from shared.workflows.opaque_names import OutputPlace
from shared.workflows.references import AssetsByInput


@dataclass(frozen=True)
class KnownAssets:
    """Assets by their id; the newest of each name, one of each content, and those of outputs.

    `outputs` are those that have no asset yet: theirs are not in the rows, but are known as they will be.
    """

    by_id: Mapping[UUID, Asset] = field(default_factory=dict)
    by_name: Mapping[str, Asset] = field(default_factory=dict)
    by_hash: Mapping[str, Asset] = field(default_factory=dict)
    by_output: Mapping[OutputPlace, Asset] = field(default_factory=dict)
    outputs: Mapping[UUID, JobOutput] = field(default_factory=dict)

    def find(self, meant: Meant) -> Asset | None:
        if meant.name is not None:
            return self.by_name.get(meant.name)
        if meant.hash is not None:
            return self.by_hash.get(meant.hash)
        found = self.by_id.get(meant.id) if meant.id else None
        return found or (self.by_output.get(meant.output) if meant.output else None)


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
    named = (set(filter(None, part)) for part in zip(*meant, strict=True))
    ids, names, hashes, places = named
    kept = select(Asset).where(Asset.user_id == owner, is_kept())
    newest = (col(Asset.created_at).desc(), col(Asset.id).desc())
    of_outputs = {place: asset_id_of(place) for place in places}
    ids |= set(of_outputs.values())
    rows = session.exec(kept.where(col(Asset.id).in_(sorted(ids)))).all() if ids else ()
    by_id = {one.id: one for one in rows}
    alike = kept.ext(distinct_on(col(Asset.hash))).order_by(col(Asset.hash), *newest)
    by_hash = session.exec(alike.where(col(Asset.hash).in_(sorted(hashes)))).all() if hashes else ()
    outputs = outputs_at(session, owner, [place for place, one in of_outputs.items() if one not in by_id])
    future = {place: future_asset(output, owner) for place, output in outputs.items()}
    made = {place: by_id[one] for place, one in of_outputs.items() if one in by_id}
    return KnownAssets(
        by_id,
        newest_named(session, owner, names),
        {one.hash: one for one in by_hash},
        {**made, **future},
        {asset.id: outputs[place] for place, asset in future.items()},
    )

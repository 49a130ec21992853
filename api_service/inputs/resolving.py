"""The values of a graph that name assets are settled: which asset each of them means, or why it means none. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from api_service.fleet.capability_cache import Capabilities
from api_service.fleet.check import InputName
from api_service.fleet.node_rules import shown
from api_service.inputs.known_assets import KnownAssets
from api_service.inputs.named import MOST_ASSETS, MOST_NAMES, Named, named_in
from api_service.refusals.refusal import FieldError
from shared.models import Asset, AssetKind, JobOutput
from shared.workflows.opaque_names import output_name
from shared.workflows.references import AssetsByInput, is_reference

MISSING, WRONG_KIND, TOO_MANY = "missing_asset", "wrong_asset_kind", "too_many_assets"


@dataclass(frozen=True)
class Resolved:
    """The assets that inputs take, by node and input; the field that named each asset; those that are yet to be made
    of an output; and what is wrong."""

    assets: AssetsByInput = field(default_factory=dict)
    fields: Mapping[UUID, str] = field(default_factory=dict)
    outputs: Mapping[UUID, JobOutput] = field(default_factory=dict)
    errors: tuple[FieldError, ...] = ()


def resolve(
    graph: Mapping[str, Any],
    capabilities: Capabilities,
    known: KnownAssets,
    settled: AssetsByInput,
    name: InputName,
) -> Resolved:
    """Which assets a graph takes. A name that is no asset's is left to the servers: it may be a file of theirs."""
    assets: dict[str, dict[str, str]] = {}
    fields: dict[UUID, str] = {}
    errors: list[FieldError] = []
    named = list(named_in(graph, capabilities, settled))
    if len({one.meant for one in named}) > MOST_NAMES:
        return Resolved(errors=(too_many(name, f"more than {MOST_NAMES} files"),))
    for one in named:
        where = name(one.node_id, f"inputs.{one.input}")
        found = known.find(one.meant)
        if wrong := [*objections(one, found, where)]:
            errors += wrong
        elif found is not None:
            assets.setdefault(one.node_id, {})[one.input] = str(found.id)
            fields.setdefault(found.id, where)
    if len(fields) > MOST_ASSETS:
        errors.append(too_many(name, f"{len(fields)} assets"))
    outputs = {asset_id: known.outputs[asset_id] for asset_id in fields if asset_id in known.outputs}
    return Resolved(assets, fields, outputs, tuple(errors))


def too_many(name: InputName, what: str) -> FieldError:
    message = f"names {what}; a job takes at most {MOST_ASSETS} assets"
    return FieldError(field=name(None, ""), message=message, code=TOO_MANY)


def objections(one: Named, found: Asset | None, where: str) -> Iterator[FieldError]:
    if found is None and one.meant.name is None:
        yield FieldError(field=where, message=why_missing(one), code=MISSING)
    elif found is not None and not suits(found, one.kinds):
        wanted = " or ".join(sorted(one.kinds))
        message = f"takes {wanted}, and the asset {shown(found.name)} is {found.kind} ({found.media_type})"
        yield FieldError(field=where, message=message, code=WRONG_KIND)


def why_missing(one: Named) -> str:
    if one.meant.output is not None:
        return f"you have no output {output_name(*one.meant.output)!r}"
    if one.meant.id is not None and isinstance(one.given, str):
        return f"the asset {shown(one.given)}, which the job took, is gone"
    if one.meant.id is not None:
        return f"there is no asset {str(one.meant.id)!r}"
    if one.meant.hash is not None:
        return f"you have no asset with the content of {shown(one.given)}; upload it, and name the asset"
    if not is_reference(one.given):
        return "a reference to an asset must be the whole value of an input"
    return 'a reference is {"__type": "core/ASSET", "info": {"id": "<the id of an asset or an output>"}}'


def suits(asset: Asset, kinds: frozenset[AssetKind]) -> bool:
    """Whether an input may take the asset. What nobody knows is left to the node, and a GIF may be a film."""
    is_unknown = asset.kind is AssetKind.OTHER and asset.media_type == "application/octet-stream"
    is_film = asset.media_type == "image/gif" and AssetKind.VIDEO in kinds
    return not kinds or asset.kind in kinds or is_unknown or is_film

"""A workflow names an asset where a node takes a file: by the reference object of Comfy's API, or by its name.

A reference may name an output of a job, too. Which asset each of them means is kept beside the workflow: by node, and
by its input.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from shared.workflows.opaque_names import OutputPlace, output_name, output_of

TYPE, ASSET = "__type", "core/ASSET"

# The ids of the assets that inputs take, by node and input.
AssetsByInput = Mapping[str, Mapping[str, str]]
GraphLike = Mapping[str, Mapping[str, Any]]


def is_reference(value: Any) -> bool:
    """Whether a value is meant to be a reference, well made or not."""
    return isinstance(value, dict) and TYPE in value


def has_reference(document: Any) -> bool:
    """Whether there is a reference to an asset anywhere in a document."""
    unseen = [document]
    while unseen:
        part = unseen.pop()
        if isinstance(part, dict):
            if part.get(TYPE) == ASSET:
                return True
            unseen.extend(part.values())
        elif isinstance(part, list):
            unseen.extend(part)
    return False


def target_of(reference: Mapping[str, Any]) -> UUID | OutputPlace | None:
    """Which asset, or output of a job, a reference names: only its id counts. None for one that is not well made."""
    info = reference.get("info")
    given = info.get("id") if reference.get(TYPE) == ASSET and isinstance(info, dict) else None
    return (id_of(given) or output_of(given)) if isinstance(given, str) else None


def id_of(text: str) -> UUID | None:
    """A UUID in its usual form."""
    try:
        found = UUID(text)
    except ValueError:
        return None
    return found if str(found) == text.lower() else None


def reference_to(target: str | UUID | OutputPlace) -> dict[str, Any]:
    named = output_name(*target) if isinstance(target, OutputPlace) else str(target)
    return {TYPE: ASSET, "info": {"id": named}}


def with_references(graph: GraphLike, assets: AssetsByInput) -> GraphLike:
    """The graph with a reference wherever an input takes an asset, however that was named."""
    references = {
        node_id: {name: reference_to(asset_id) for name, asset_id in by_name.items()}
        for node_id, by_name in assets.items()
    }
    return with_inputs(graph, references)


def with_other_assets(graph: GraphLike, ids: Mapping[str, str]) -> GraphLike:
    """The graph with other assets in the place of those that it names by a reference."""
    values = {
        node_id: {
            name: reference_to(ids[str(target)])
            for name, value in node["inputs"].items()
            if is_reference(value) and isinstance(target := target_of(value), UUID) and str(target) in ids
        }
        for node_id, node in graph.items()
        if isinstance(node, dict) and isinstance(node.get("inputs"), dict)
    }
    return with_inputs(graph, {node_id: by_name for node_id, by_name in values.items() if by_name})


def with_inputs(graph: GraphLike, values: Mapping[str, Mapping[str, Any]]) -> GraphLike:
    """The graph with these values of inputs, by node; it is the same object if there are none."""
    changed = {
        node_id: {**graph[node_id], "inputs": {**graph[node_id]["inputs"], **by_name}}
        for node_id, by_name in values.items()
        if node_id in graph
    }
    return {**graph, **changed} if changed else graph

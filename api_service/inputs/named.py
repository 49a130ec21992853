"""Which values of a graph name assets, or may: read from the node classes of the servers. Pure.

A reference names one wherever it stands as the value of an input; within such a value it is none. A name does so where
a node takes a file.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from api_service.fleet.capability_cache import Capabilities
from shared.files.server_names import hash_named, plain
from shared.fleet.file_inputs import ANY_KIND, is_file
from shared.fleet.node_inputs import NodeInput
from shared.models import AssetKind
from shared.workflows.opaque_names import OutputPlace
from shared.workflows.references import AssetsByInput, has_reference, id_of, is_reference, target_of

LONGEST = 300  # characters; an asset's name has 255
MOST_ASSETS = 100  # of one job
MOST_NAMES = 200  # of files in one job, whether they are assets or not


class Meant(NamedTuple):
    """By what an asset is named: one of these, or none of them by what is not well made.

    An output may have become an asset before: then there is its id, too.
    """

    id: UUID | None = None
    name: str | None = None
    hash: str | None = None
    output: OutputPlace | None = None


class Named(NamedTuple):
    """An input that names an asset, or may; and the kinds of files that it takes, none for any."""

    node_id: str
    input: str
    given: Any
    meant: Meant
    kinds: frozenset[AssetKind]


def named_in(graph: Mapping[str, Any], capabilities: Capabilities, settled: AssetsByInput) -> Iterator[Named]:
    """The inputs of a graph that name assets, or may. A document that is no graph has none.

    `settled` are the ids of assets that were found before, by node and input: names mean those.
    """
    for node_id, node in graph.items():
        if not is_node(node):
            continue
        suspects = {name: value for name, value in node["inputs"].items() if may_name(value)}
        if not suspects:
            continue
        # For every node of every job: what its class says is asked only where there may be a file.
        is_loader = node["class_type"] in capabilities.loaders or node_id in settled
        if not is_loader and all(isinstance(value, str) and not is_file(value) for value in suspects.values()):
            continue
        variants = capabilities.input_variants(node)
        for name, value in suspects.items():
            declared = [variant[name] for variant in variants if name in variant]
            found = meant_by(value, declared, settled.get(node_id, {}).get(name))
            if found is not None:
                yield Named(node_id, name, value, found, kinds_taken(declared))


def is_node(node: Any) -> bool:
    return isinstance(node, dict) and isinstance(node.get("class_type"), str) and isinstance(node.get("inputs"), dict)


def may_name(value: Any) -> bool:
    if isinstance(value, str):
        return 0 < len(value) <= LONGEST
    match value:
        case [str(), int()]:  # a link, as most are
            return False
        case dict() | list():
            return is_reference(value) or has_reference(value)
    return False


def meant_by(value: Any, declared: Sequence[NodeInput], settled: str | None) -> Meant | None:
    """By what a value names an asset; None if it names none. Of an input that no server knows, the ending decides."""
    found = None if settled is None else id_of(settled)
    if is_reference(value):
        target = target_of(value)
        return Meant(found, output=target) if isinstance(target, OutputPlace) else Meant(target)
    if not isinstance(value, str):
        return Meant()
    if settled is not None:
        return Meant(found)
    takes_files = any(one.takes is not None for one in declared) if declared else is_file(value)
    if not takes_files:
        return None
    known = hash_named(value)
    return Meant(name=plain(value)) if known is None else Meant(hash=known)


def kinds_taken(declared: Iterable[NodeInput]) -> frozenset[AssetKind]:
    """The kinds that the input takes on some server. Where nobody knows the input, any."""
    taken = [one.takes for one in declared if one.takes is not None]
    return ANY_KIND if not taken or ANY_KIND in taken else frozenset().union(*taken)

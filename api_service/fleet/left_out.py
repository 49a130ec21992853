"""What of a workflow is not sent, because ComfyUI would not run it either: it costs only itself.

An output node that waits for a link which nobody made (an unconnected PreviewImage in an export), and nodes that no
output needs and that link to nothing. ComfyUI skips the first; the second ends the thread of older versions.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from api_service.fleet.capability_cache import Capabilities
from shared.fleet.node_inputs import declared_for
from shared.fleet.object_info import NodeClass
from shared.workflows.links import link_faults, sources_of, targets_of, upstream

GraphLike = Mapping[str, Mapping[str, Any]]
# How clients call a node.
NodeName = Callable[[str], str]

MOST_NOTES = 20


@dataclass(frozen=True)
class Kept:
    """What is sent of a workflow, and a note on each node that is not."""

    graph: GraphLike
    notes: list[str]


def without_what_cannot_run(graph: GraphLike, capabilities: Capabilities, name: NodeName) -> Kept:
    """The part of a workflow that has a chance to run, if that still has an output. Each link is followed twice."""
    names = {node["class_type"] for node in graph.values()}
    classes = {kind: found[0] for kind in names if (found := capabilities.node_class(kind))}
    # A class that nobody knows may be an output.
    ends = [node_id for node_id, node in graph.items() if is_end(classes.get(node["class_type"]))]
    sources = sources_of(graph)
    targets = targets_of(sources)
    lacking = {node_id: lacks for node_id, node in graph.items() if (lacks := unconnected(node, classes))}
    spoilt = reached_from(lacking, targets)
    sound = [end for end in ends if end not in spoilt]
    if not sound:
        return Kept(graph, [])
    needed = upstream(sources, sound).union(sound)
    idle = [node_id for node_id in graph if node_id not in needed]
    faulty = reached_from((node_id for node_id in idle if any(link_faults(graph, node_id))), targets)
    ended = [end for end in ends if end in spoilt]
    # What links to a node that is left out goes with it.
    gone = reached_from([*ended, *faulty], targets)
    notes = list(notes_on(graph, ended, lacking, name)) + list(notes_on_links(graph, faulty - set(ended), name))
    if len(notes) > MOST_NOTES:
        notes = [*notes[:MOST_NOTES], f"{len(notes) - MOST_NOTES} more nodes were left out"]
    return Kept({node_id: node for node_id, node in graph.items() if node_id not in gone}, notes)


def is_end(known: NodeClass | None) -> bool:
    return known is None or known.is_output


def unconnected(node: Mapping[str, Any], classes: Mapping[str, NodeClass]) -> list[str]:
    """The inputs of a node that take nothing but a link, must have one, and have none."""
    known = classes.get(node["class_type"])
    if known is None:
        return []
    declared = declared_for(known.inputs, node["inputs"])
    return [
        one.name for one in declared.values() if one.is_required and one.is_socket and one.name not in node["inputs"]
    ]


def reached_from(starts: Iterable[str], targets: Mapping[str, list[str]]) -> set[str]:
    """These nodes, and all that need one of them."""
    begin = list(starts)
    return upstream(targets, begin).union(begin)


def notes_on(graph: GraphLike, ended: Iterable[str], lacking: Mapping[str, list[str]], name: NodeName) -> Iterator[str]:
    for end in ended:
        lacks = lacking.get(end)
        why = f"nothing is connected to its {lacks[0]!r}" if lacks else "nodes that it needs are not connected"
        yield f"{name(end)} ({graph[end]['class_type']}) was left out: {why}"


def notes_on_links(graph: GraphLike, faulty: set[str], name: NodeName) -> Iterator[str]:
    for node_id in graph:
        if node_id in faulty:
            kind = graph[node_id]["class_type"]
            yield f"{name(node_id)} ({kind}) was left out: no output needs it, and it links to what is not there"

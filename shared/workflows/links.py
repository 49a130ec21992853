"""Whether a raw workflow is a graph that can be run at all, whatever the server: pure.

ComfyUI itself finds some of this late or never: an input shaped like a link to a node that is not there, or a node
without `inputs`, ends its worker thread, and nothing runs there until it is restarted.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from shared.workflows.shape import WorkflowFault, check_shape


class Link(NamedTuple):
    """An input that takes what another node gives: `[node, slot]` in the workflow."""

    input: str
    node: str
    slot: Any


def graph_faults(workflow: Mapping[str, Any]) -> list[WorkflowFault]:
    """Everything that keeps a document from being a workflow, or a workflow from being a graph of nodes."""
    faults = check_shape(workflow)
    if not faults:
        faults = [fault for node_id in workflow for fault in link_faults(workflow, node_id)]
    return faults or list(cycle_fault(workflow))


def link_faults(workflow: Mapping[str, Any], node_id: str) -> Iterator[WorkflowFault]:
    for link in links_of(workflow[node_id]):
        if link.node not in workflow:
            text = f"links to node {link.node!r}, which is not in the workflow"
            yield WorkflowFault(node_id, f"inputs.{link.input}", "dangling_link", text)
        elif isinstance(link.slot, bool) or not isinstance(link.slot, int) or link.slot < 0:
            text = f"links to output {link.slot!r} of node {link.node!r}; outputs are numbered from 0"
            yield WorkflowFault(node_id, f"inputs.{link.input}", "bad_linked_input", text)


def links_of(node: Mapping[str, Any]) -> Iterator[Link]:
    """The inputs of a node that ComfyUI takes for links, declared or not: lists of a text and a number."""
    for name, given in node["inputs"].items():
        match unwrapped(given):
            case [str(source), int() | float() as slot]:
                yield Link(name, source, slot)


def unwrapped(value: Any) -> Any:
    """The value that ComfyUI sees: `{"__value__": ...}` is how a list is given that is no link."""
    return value["__value__"] if isinstance(value, dict) and "__value__" in value else value


def cycle_fault(workflow: Mapping[str, Any]) -> Iterator[WorkflowFault]:
    """The first cycle there is, by taking away, again and again, the nodes that wait for nothing."""
    waits_for = {node_id: {link.node for link in links_of(node)} for node_id, node in workflow.items()}
    needed_by: dict[str, list[str]] = {node_id: [] for node_id in workflow}
    for node_id, sources in waits_for.items():
        for source in sources:
            needed_by[source].append(node_id)
    ready = [node_id for node_id, sources in waits_for.items() if not sources]
    while ready:
        done = ready.pop()
        del waits_for[done]
        for node_id in needed_by[done]:
            waits_for[node_id].discard(done)
            if not waits_for[node_id]:
                ready.append(node_id)
    if waits_for:
        path = walk_round(waits_for)
        text = f"each of these waits for the next: {' -> '.join([*path, path[0]])}"
        yield WorkflowFault(path[0], None, "cycle", text)


def walk_round(waits_for: Mapping[str, set[str]]) -> list[str]:
    """One cycle in a graph where every node waits for another."""
    path: dict[str, int] = {}
    node_id = next(iter(waits_for))
    while node_id not in path:
        path[node_id] = len(path)
        node_id = min(waits_for[node_id])
    return list(path)[path[node_id] :]


def needed_for(workflow: Mapping[str, Any], ends: list[str]) -> list[str]:
    """These nodes and all that must run before them, in the order of the workflow."""
    found = set(ends)
    unseen = list(ends)
    while unseen:
        sources = {link.node for link in links_of(workflow[unseen.pop()])} - found
        found |= sources
        unseen += sources
    return [node_id for node_id in workflow if node_id in found]

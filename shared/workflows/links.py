"""What a link is in a workflow, and whether its links make a graph that can be run at all, whatever the server: pure.

ComfyUI itself finds some of this late or never: an input shaped like a link to a node that is not there, or a node
without `inputs`, ends its worker thread, and nothing runs there until it is restarted.
"""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import Any, NamedTuple

from shared.workflows.shape import WorkflowFault, check_shape


class Link(NamedTuple):
    """An input that takes what another node gives: `[node, slot]` in the workflow."""

    input: str
    node: str
    slot: Any


def graph_faults(workflow: Mapping[str, Any]) -> list[WorkflowFault]:
    """Everything that keeps a document from being a workflow, or a workflow from being a graph of nodes."""
    return check_shape(workflow) or faults_between(workflow)


def faults_between(workflow: Mapping[str, Any]) -> list[WorkflowFault]:
    """What keeps a workflow from being a graph that can run; each link is followed once."""
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
    """The inputs of a node that ComfyUI takes for links, declared or not."""
    for name, given in node["inputs"].items():
        value = unwrapped(given)
        if is_link(value):
            yield Link(name, *value)


def is_link(value: Any) -> bool:
    """Whether ComfyUI takes a value for a link: a list of a text and a number, of any kind.

    As `is_link` of its `comfy_execution/graph_utils.py`. It does not ask whether there is such a node.
    """
    match value:
        case [str(), int() | float()]:
            return True
    return False


def unwrapped(value: Any) -> Any:
    """The value that ComfyUI sees. `{"__value__": ...}` is how a list is given that is no link; but it is unwrapped
    before the graph is run, so a list in it that is shaped like a link becomes one."""
    return value["__value__"] if isinstance(value, dict) and "__value__" in value else value


def sources_of(workflow: Mapping[str, Mapping[str, Any]]) -> dict[str, list[str]]:
    """For each node, the nodes of the workflow that it links to, each once."""
    return {
        node_id: [name for name in dict.fromkeys(link.node for link in links_of(node)) if name in workflow]
        for node_id, node in workflow.items()
    }


def targets_of(sources: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """For each node that others link to, those others."""
    targets: dict[str, list[str]] = {}
    for node_id, names in sources.items():
        for name in names:
            targets.setdefault(name, []).append(node_id)
    return targets


def upstream(sources: Mapping[str, Sequence[str]], ends: Iterable[str], *, known: Container[str] = ()) -> set[str]:
    """All nodes that must run before these. Nodes in `known` are left out, with what only they need.

    Each link is followed once: 2,000 nodes are as quick as they are few.
    """
    found: set[str] = set()
    unseen = list(ends)
    while unseen:
        new = [name for name in sources.get(unseen.pop(), ()) if name not in found and name not in known]
        found.update(new)
        unseen += new
    return found


def needed_for(workflow: Mapping[str, Mapping[str, Any]], ends: Sequence[str]) -> list[str]:
    """These nodes and all that must run before them, in the order of the workflow."""
    needed = upstream(sources_of(workflow), ends).union(ends)
    return [node_id for node_id in workflow if node_id in needed]


def cycle_fault(workflow: Mapping[str, Any]) -> Iterator[WorkflowFault]:
    """The first cycle there is, from its first node in the workflow."""
    try:
        TopologicalSorter(sources_of(workflow)).prepare()
    except CycleError as error:
        # Of these each is a source of the next, and the last is the first again.
        cycle = error.args[1][:0:-1]
        first = cycle.index(next(node_id for node_id in workflow if node_id in cycle))
        path = [*cycle[first:], *cycle[: first + 1]]
        yield WorkflowFault(path[0], None, "cycle", f"each of these waits for the next: {' -> '.join(path)}")

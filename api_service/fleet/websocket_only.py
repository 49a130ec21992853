"""A graph that only sends its pictures over ComfyUI's WebSocket leaves nothing that could be kept: pure."""

from api_service.fleet.node_rules import Finding, Graph
from shared.fleet.object_info import Catalogue
from shared.workflows.sent_only import SENDING, sending_nodes, sent_only

MOST_NOTES = 10


def websocket_only_findings(graph: Graph, catalogue: Catalogue) -> list[Finding]:
    """One for each node that sends its pictures, if the graph has no other output node."""
    classes = {node_id: catalogue.classes.get(node["class_type"]) for node_id, node in graph.items()}
    ends = [node_id for node_id, found in classes.items() if found is None or found.is_output]
    if not all(graph[node_id]["class_type"] in SENDING for node_id in ends):
        return []
    return [Finding(node_id, "class_type", "nothing_kept", sent_only(graph[node_id]["class_type"])) for node_id in ends]


def websocket_notes(graph: Graph) -> list[str]:
    """What to say of a graph that keeps something else."""
    found = list(sending_nodes(graph).items())[:MOST_NOTES]
    return [f"node {node_id}: {sent_only(class_type)}" for node_id, class_type in found]

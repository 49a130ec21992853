"""A graph that only sends its pictures over ComfyUI's WebSocket leaves nothing that could be kept: pure."""

from api_service.fleet.node_rules import Finding, Graph
from shared.fleet.object_info import Catalogue

# Output nodes that save nothing and show nothing: the pictures are frames, and nobody can ask for them again.
SENDING = frozenset({"SaveImageWebsocket", "ETN_SendImageWebSocket"})


def websocket_only_findings(graph: Graph, catalogue: Catalogue) -> list[Finding]:
    """One for each node that sends its pictures, if the graph has no other output node."""
    classes = {node_id: catalogue.classes.get(node["class_type"]) for node_id, node in graph.items()}
    ends = [node_id for node_id, found in classes.items() if found is None or found.is_output]
    if not all(graph[node_id]["class_type"] in SENDING for node_id in ends):
        return []
    return [
        Finding(node_id, "class_type", "nothing_kept", message_of(graph[node_id]["class_type"])) for node_id in ends
    ]


def message_of(class_type: str) -> str:
    return f"{class_type} sends its pictures over ComfyUI's WebSocket and saves none; add or use SaveImage to keep them"

"""Output nodes that send their pictures over ComfyUI's WebSocket, once and to one socket, and keep none. Pure."""

from collections.abc import Mapping
from typing import Any

TO_KRITA = "ETN_KritaOutput"  # ... and says where in the document they belong
SENDING = frozenset({"SaveImageWebsocket", "ETN_SendImageWebSocket", TO_KRITA})


def sending_nodes(workflow: Mapping[str, Any]) -> Mapping[str, str]:
    """The nodes of a workflow that are such, and their classes."""
    classes = {node_id: node.get("class_type") for node_id, node in workflow.items() if isinstance(node, dict)}
    return {node_id: name for node_id, name in classes.items() if isinstance(name, str) and name in SENDING}


def sent_only(class_type: str) -> str:
    return f"{class_type} sends its pictures over ComfyUI's WebSocket and saves none; add or use SaveImage to keep them"

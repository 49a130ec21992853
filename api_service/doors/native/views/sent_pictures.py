"""Pictures that a node sends over the socket and keeps nowhere: here it keeps them, and they are sent from there."""

from collections.abc import Mapping, Sequence
from typing import Any

import structlog

from shared.models import JobOutput, OutputKind
from shared.storage.store import OutputStore
from shared.workflows.sent_only import SENDING

log = structlog.get_logger(__name__)

Graph = Mapping[str, Any]

MARK = "sent_by"  # in a node's `_meta`: the class that it had
PREFIX = "sent"
MOST_BYTES = 64 * 1024 * 1024  # of the pictures of one prompt; all are in its history


def with_pictures_kept(graph: Graph) -> Graph:
    """The graph with SaveImage in the place of each node that only sends its pictures, and a note of that."""
    return {node_id: saving(node) if is_sending(node) else node for node_id, node in graph.items()}


def is_sending(node: Any) -> bool:
    if not isinstance(node, dict) or not isinstance(node.get("inputs"), dict):
        return False
    return isinstance(node.get("class_type"), str) and node["class_type"] in SENDING and "images" in node["inputs"]


def saving(node: Mapping[str, Any]) -> dict[str, Any]:
    meta = node.get("_meta") if isinstance(node.get("_meta"), dict) else {}
    inputs = {"images": node["inputs"]["images"], "filename_prefix": PREFIX}
    return {"class_type": "SaveImage", "inputs": inputs, "_meta": {**(meta or {}), MARK: node["class_type"]}}


def sends(graph: Graph, node_id: str) -> bool:
    """Whether the pictures of a node are to be sent."""
    node = graph.get(node_id)
    meta = node.get("_meta") if isinstance(node, dict) else None
    return isinstance(meta, dict) and meta.get(MARK) in SENDING


def pictures_to_send(store: OutputStore, graph: Graph, outputs: Sequence[JobOutput]) -> dict[str, list[bytes]]:
    """The pictures by the node that sends them. What the store has lost is left out. Reads files."""
    found: dict[str, list[bytes]] = {}
    left = MOST_BYTES
    for output in outputs:
        if output.kind is OutputKind.IMAGE and sends(graph, output.node_id) and output.size_bytes <= left:
            left -= output.size_bytes
            try:
                found.setdefault(output.node_id, []).append(b"".join(store.read(output.path)))
            except OSError as error:
                log.warning("native.picture_not_sent", key=output.path, error=str(error))
    return found

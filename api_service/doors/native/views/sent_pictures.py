"""Pictures that a node sends over the socket and keeps nowhere: here it keeps them, and they are sent from there."""

from collections.abc import Mapping, Sequence
from typing import Any

import structlog

from shared.models import JobOutput, OutputKind
from shared.storage.store import OutputStore
from shared.workflows.sent_only import SENDING, TO_KRITA

log = structlog.get_logger(__name__)

Graph = Mapping[str, Any]

MARK = "sent_by"  # in a node's `_meta`: the class that it had
SAID = "said"  # ... and what else it tells its client
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
    said = {SAID: {"info": [place_in_document(node["inputs"])]}} if node["class_type"] == TO_KRITA else {}
    return {"class_type": "SaveImage", "inputs": inputs, "_meta": {**(meta or {}), MARK: node["class_type"], **said}}


def place_in_document(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Where the pictures belong, as the node would tell it. What another node is to give it, nobody knows here."""

    def given(name: str, default: Any) -> Any:
        value = inputs.get(name, default)
        return value if isinstance(value, type(default)) else default

    return {
        "name": given("name", ""),
        "offset_x": given("x", 0),
        "offset_y": given("y", 0),
        "batch_mode": given("batch_mode", "default"),
        "resize_canvas": given("resize_canvas", False),
    }


def sends(graph: Graph, node_id: str) -> bool:
    """Whether the pictures of a node are to be sent."""
    node = graph.get(node_id)
    meta = node.get("_meta") if isinstance(node, dict) else None
    return isinstance(meta, dict) and meta.get(MARK) in SENDING


def said_with(graph: Graph, node_id: str) -> Mapping[str, Any] | None:
    """What a node that sends its pictures tells beside them, if that is anything."""
    said = graph[node_id]["_meta"].get(SAID) if sends(graph, node_id) else None
    return said if isinstance(said, dict) else None


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

"""What a socket is told, as ComfyUI writes it: texts begin with their type, binary frames with the number of theirs."""

import base64
import json
import struct
from collections.abc import Mapping
from typing import Any

PREVIEW, PREVIEW_WITH_METADATA = 1, 4
JPEG, PNG = 1, 2


def text(kind: str, data: Mapping[str, Any]) -> str:
    return json.dumps({"type": kind, "data": data})


def status(remaining: int, sid: str | None = None) -> str:
    data: dict[str, Any] = {"status": {"exec_info": {"queue_remaining": remaining}}}
    return text("status", data if sid is None else {**data, "sid": sid})


def progress_state(prompt_id: str, nodes: Mapping[str, tuple[float, float, str]]) -> str:
    """How far each node is: value, maximum and state by its id."""
    found = {
        node_id: {
            "value": float(value),
            "max": float(most),
            "state": state,
            "node_id": node_id,
            "prompt_id": prompt_id,
            "display_node_id": node_id,
            "parent_node_id": None,
            "real_node_id": node_id,
        }
        for node_id, (value, most, state) in nodes.items()
    }
    return text("progress_state", {"prompt_id": prompt_id, "nodes": found})


def preview(data: Mapping[str, Any], prompt_id: str, node_id: str | None, *, with_metadata: bool) -> bytes:
    """A preview, which does not say of which node it is: of the one at work."""
    image, media_type = base64.b64decode(data["image"]), str(data["media_type"])
    return picture(image, media_type, (prompt_id, node_id) if with_metadata else None)


def picture(image: bytes, media_type: str, of: tuple[str, str | None] | None = None) -> bytes:
    """A picture; with whose it is, where that is understood: the prompt and the node."""
    if of is None:
        return struct.pack(">II", PREVIEW, PNG if media_type == "image/png" else JPEG) + image
    prompt_id, node_id = of
    metadata = {
        "node_id": node_id,
        "prompt_id": prompt_id,
        "display_node_id": node_id,
        "parent_node_id": None,
        "real_node_id": node_id,
        "image_type": media_type,
    }
    told = json.dumps(metadata).encode()
    return struct.pack(">II", PREVIEW_WITH_METADATA, len(told)) + told + image

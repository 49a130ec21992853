"""Jobs that take about as long as each other have the same key, so the last ones show how long the next will take."""

import hashlib
from collections.abc import Mapping
from typing import Any

KEY_DIGITS = 16

# What decides how long a node takes, of the nodes that come with ComfyUI. Prompts, seeds and file names do not.
DECISIVE = frozenset(
    {
        *("ckpt_name", "unet_name", "model_name", "width", "height", "batch_size", "length"),
        *("steps", "start_at_step", "end_at_step", "denoise", "sampler_name"),
        *("scale_by", "upscale_by", "megapixels", "amount", "frame_count"),
    }
)


def workflow_key(graph: Mapping[str, Mapping[str, Any]]) -> str:
    """The key of a graph in API format: the same whatever its nodes are called, and whatever their order."""
    nodes = sorted(repr(traits(node)) for node in graph.values())
    return hashlib.sha256("\n".join(nodes).encode()).hexdigest()[:KEY_DIGITS]


def traits(node: Mapping[str, Any]) -> tuple[Any, ...]:
    """A node's class, and those of its inputs that decide how long it takes, by name. Links decide nothing."""
    inputs = node["inputs"]
    found = [(name, plain(inputs[name])) for name in sorted(DECISIVE.intersection(inputs))]
    return (node["class_type"], *[one for one in found if one[1] is not None])


def plain(value: Any) -> float | str | None:
    """A number or a word; 20 and 20.0 are one. None for anything else."""
    # For every input of every node of every job: `match` would take three times as long.
    if isinstance(value, str):
        return value
    return float(value) if isinstance(value, (int, float)) else None

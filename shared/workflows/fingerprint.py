"""Workflows that differ only in seeds, texts and numbers have the same shape; those of one size, the same fingerprint.

Neither depends on what nodes are called, or on their order.
"""

import hashlib
from collections.abc import Mapping
from graphlib import TopologicalSorter
from typing import Any

from shared.workflows.duration_key import workflow_key
from shared.workflows.links import is_link, sources_of, unwrapped

DIGITS = 16
# How the names of models end, in whichever input of whichever node.
MODEL_FILES = (".safetensors", ".sft", ".ckpt", ".pt", ".pt2", ".pth", ".bin", ".gguf", ".onnx")

GraphLike = Mapping[str, Mapping[str, Any]]


def shape_of(graph: GraphLike) -> str:
    """The classes of its nodes, their links, and the models that they name. Only of a graph without a cycle."""
    digests: dict[str, bytes] = {}
    for node_id in TopologicalSorter(sources_of(graph)).static_order():
        digests[node_id] = digest_of(node_shape(graph[node_id], digests))
    return hashlib.sha256(b"".join(sorted(digests.values()))).hexdigest()[:DIGITS]


def fingerprint_of(graph: GraphLike) -> str:
    """The shape, and what decides how much there is to do: sizes, numbers of pictures and steps."""
    return hashlib.sha256(f"{shape_of(graph)} {workflow_key(graph)}".encode()).hexdigest()[:DIGITS]


def node_shape(node: Mapping[str, Any], digests: Mapping[str, bytes]) -> str:
    """A node's class, and of its inputs those that are links or models, by name."""
    inputs = {name: input_shape(value, digests) for name, value in node["inputs"].items()}
    told = [f"{name}={inputs[name]}" for name in sorted(inputs) if inputs[name] is not None]
    return "\n".join((node["class_type"], *told))


def input_shape(value: Any, digests: Mapping[str, bytes]) -> str | None:
    # For every input of every node of every job: most are numbers and texts.
    if isinstance(value, str):
        return value if value.lower().endswith(MODEL_FILES) else None
    if not isinstance(value, list | dict):
        return None
    link = unwrapped(value)
    if not is_link(link):
        return None
    source = digests.get(link[0])
    return f"{source.hex() if source else 'nothing'}:{link[1]}"


def digest_of(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()

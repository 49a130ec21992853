"""Nodes that take pictures from a cache in their server's memory, and put their own there. Pure.

They are those of comfyui-tooling-nodes, which Krita AI Diffusion works with. Pictures come and go over HTTP, each by an
id, and a server that has too many forgets some.
"""

from collections.abc import Mapping
from typing import Any

LOADING, SAVING = "ETN_LoadImageCache", "ETN_SaveImageCache"
ID = "id"  # the input that says which picture is loaded
ANEW = "genonaut"  # an input that no node has

Graph = dict[str, dict[str, Any]]


def loads_from_cache(graph: Mapping[str, Any], node_id: str, name: str) -> bool:
    """Whether this input of a node names a picture in the cache."""
    node = graph.get(node_id)
    return name == ID and isinstance(node, dict) and node.get("class_type") == LOADING


def saving_anew(graph: Graph, prompt_id: str) -> Graph:
    """The graph whose pictures are put into the cache by this prompt itself, and not by one before it.

    ComfyUI shows again what the same node has shown before, and the cache may have forgotten that. A value that differs
    makes it another node; the others are not run again for it.
    """
    changed = {
        node_id: {**node, "inputs": {**node["inputs"], ANEW: prompt_id}}
        for node_id, node in graph.items()
        if node["class_type"] == SAVING
    }
    return {**graph, **changed} if changed else graph

"""Classes that newer versions run as others: what GET /node_replacements says, and what becomes of a prompt."""

from collections.abc import Container, Mapping
from typing import Any

Said = Mapping[str, list[dict[str, Any]]]

# Two of ComfyUI's own; and one of a pack, for the classes of which are here.
SAID: Said = {
    "T2IAdapterLoader": [
        {
            "new_node_id": "ControlNetLoader",
            "old_node_id": "T2IAdapterLoader",
            "old_widget_ids": None,
            "input_mapping": [{"new_id": "control_net_name", "old_id": "t2i_adapter_name"}],
            "output_mapping": None,
        }
    ],
    "Load3DAnimation": [
        {
            "new_node_id": "Load3D",
            "old_node_id": "Load3DAnimation",
            "old_widget_ids": None,
            "input_mapping": None,
            "output_mapping": None,
        }
    ],
    "SimulatedOldSeed": [
        {
            "new_node_id": "SimulatedSeed",
            "old_node_id": "SimulatedOldSeed",
            "old_widget_ids": ["first_seed"],
            "input_mapping": [{"new_id": "seed", "old_id": "first_seed"}, {"new_id": "noise_seed", "set_value": -1}],
            "output_mapping": None,
        }
    ],
}


def apply(prompt: dict[str, Any], said: Said, classes: Container[str]) -> None:
    """Replace nodes in place, as trustingly as the real server: a node without `_meta` is a KeyError, and so a 500."""
    for node_id, node in list(prompt.items()):
        if "class_type" not in node or "inputs" not in node:
            continue
        name = node["class_type"]
        if name in classes or name not in said or said[name][0]["new_node_id"] not in classes:
            continue
        replacement, given = said[name][0], node["inputs"]
        inputs = {
            part["new_id"]: part["set_value"] if "set_value" in part else given[part["old_id"]]
            for part in replacement["input_mapping"] or ()
        }
        meta = node["_meta"].copy()
        prompt[node_id] = {**node, "_meta": meta, "class_type": replacement["new_node_id"], "inputs": inputs}

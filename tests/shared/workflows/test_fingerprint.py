"""A fingerprint is the same for workflows that do the same work, whatever their seeds, texts and names of nodes."""

import copy
from typing import Any

import pytest

from shared.workflows.fingerprint import fingerprint_of, shape_of

PLAIN: dict[str, Any] = {
    "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "a.safetensors"}},
    "2": {"class_type": "CLIPTextEncode", "inputs": {"text": "a lighthouse", "clip": ["1", 1]}},
    "3": {"class_type": "CLIPTextEncode", "inputs": {"text": "blurry", "clip": ["1", 1]}},
    "4": {"class_type": "EmptyLatentImage", "inputs": {"width": 512, "height": 512, "batch_size": 1}},
    "5": {
        "class_type": "KSampler",
        "inputs": {
            "model": ["1", 0],
            "positive": ["2", 0],
            "negative": ["3", 0],
            "latent_image": ["4", 0],
            "seed": 1,
            "steps": 20,
            "cfg": 7.0,
            "sampler_name": "euler",
        },
    },
}


def changed(node: str, name: str, value: Any) -> dict[str, Any]:
    graph = copy.deepcopy(PLAIN)
    graph[node]["inputs"][name] = value
    return graph


@pytest.mark.parametrize(("node", "name", "value"), [("5", "seed", 2), ("2", "text", "a tower"), ("5", "cfg", 1.5)])
def test_seeds_and_texts_change_nothing(node: str, name: str, value: Any) -> None:
    assert fingerprint_of(changed(node, name, value)) == fingerprint_of(PLAIN)


@pytest.mark.parametrize(
    ("node", "name", "value"),
    [("1", "ckpt_name", "b.safetensors"), ("5", "model", ["4", 0]), ("5", "model", ["1", 1]), ("4", "x", "lora.GGUF")],
)
def test_models_and_links_change_the_shape(node: str, name: str, value: Any) -> None:
    assert shape_of(changed(node, name, value)) != shape_of(PLAIN)


def test_a_size_changes_the_fingerprint_and_not_the_shape() -> None:
    larger = changed("4", "width", 8192)
    assert shape_of(larger) == shape_of(PLAIN)
    assert fingerprint_of(larger) != fingerprint_of(PLAIN)


def test_names_and_order_of_nodes_change_nothing() -> None:
    names = {name: f"node {9 - int(name)}" for name in PLAIN}
    renamed = {
        names[name]: {
            **node,
            "inputs": {
                key: [names[value[0]], value[1]] if isinstance(value, list) else value
                for key, value in reversed(node["inputs"].items())
            },
        }
        for name, node in reversed(PLAIN.items())
    }
    assert shape_of(renamed) == shape_of(PLAIN)
    assert fingerprint_of(renamed) == fingerprint_of(PLAIN)


def test_the_longest_chain_has_a_shape() -> None:
    chain = {str(n): {"class_type": "N", "inputs": {"x": [str(n - 1), 0]} if n else {}} for n in range(2000)}
    assert len(shape_of(chain)) == 16

"""The key of a workflow: one for jobs that take as long as each other, another for those that do not."""

from typing import Any

import pytest

from shared.workflows.duration_key import workflow_key
from shared.workflows.parameters import TextToImage
from shared.workflows.text_to_image import Graph, text_to_image


def graph(**values: Any) -> Graph:
    return text_to_image(TextToImage(**{"prompt": "a cat", "checkpoint_model": "sd15", **values}))


def test_a_key_is_sixteen_hexadecimal_digits() -> None:
    assert len(workflow_key(graph())) == 16
    assert int(workflow_key(graph()), 16) >= 0


@pytest.mark.parametrize(
    "values",
    [
        {"prompt": "a dog"},
        {"negative_prompt": "a hat"},
        {"params": {"seed": 5}},
        {"params": {"cfg": 9.0}},
    ],
)
def test_words_seeds_and_tastes_do_not_change_it(values: dict[str, Any]) -> None:
    assert workflow_key(graph(**values)) == workflow_key(graph())


@pytest.mark.parametrize(
    "values",
    [
        {"checkpoint_model": "sdxl"},
        {"width": 1024},
        {"height": 1024},
        {"batch_size": 2},
        {"params": {"steps": 29}},
        {"params": {"sampler_name": "heun"}},
        {"params": {"denoise": 0.5}},
        {"lora_models": [{"name": "x"}]},
    ],
)
def test_what_makes_it_longer_or_shorter_does(values: dict[str, Any]) -> None:
    assert workflow_key(graph(**values)) != workflow_key(graph())


def test_width_and_height_are_not_one() -> None:
    assert workflow_key(graph(width=512, height=1024)) != workflow_key(graph(width=1024, height=512))


def test_names_and_order_of_nodes_and_the_files_they_write_do_not_matter() -> None:
    plain = graph()
    renamed = {f"node-{name}": node for name, node in reversed(plain.items())}
    renamed["node-save"] = {"class_type": "SaveImage", "inputs": {"filename_prefix": "other", "images": ["x", 0]}}
    assert workflow_key(renamed) == workflow_key(plain)


def test_a_number_is_the_same_with_and_without_a_point() -> None:
    whole: Graph = {"1": {"class_type": "KSampler", "inputs": {"steps": 20, "denoise": 1}}}
    assert workflow_key(whole) == workflow_key(
        {"1": {"class_type": "KSampler", "inputs": {"steps": 20.0, "denoise": 1.0}}}
    )


def test_odd_values_make_a_key_too() -> None:
    odd: Graph = {"1": {"class_type": "X", "inputs": {"width": {"a": []}, "steps": None, "height": ["2", 0]}}}
    assert workflow_key(odd) == workflow_key({"1": {"class_type": "X", "inputs": {}}})

"""A workflow's fingerprint is the same for jobs that do the same; its key, for those that do as much of it, too."""

from typing import Any

import pytest

from shared.workflows.fingerprint import Shape, shape_of
from shared.workflows.parameters import TextToImage
from shared.workflows.text_to_image import Graph, text_to_image


def graph(**values: Any) -> Graph:
    return text_to_image(TextToImage(**{"prompt": "a cat", "checkpoint_model": "sd15", **values}))


def test_a_fingerprint_and_a_key_are_sixteen_hexadecimal_digits() -> None:
    shape = shape_of(graph())
    assert [len(shape.name), len(shape.fingerprint)] == [16, 16]
    assert int(shape.name, 16) >= 0
    assert int(shape.fingerprint, 16) >= 0


@pytest.mark.parametrize(
    "values",
    [
        {"prompt": "a dog"},
        {"negative_prompt": "a hat"},
        {"params": {"seed": 5}},
        {"params": {"cfg": 9.0}},
        {"params": {"denoise": 0.5}},
    ],
)
def test_words_seeds_and_tastes_change_nothing(values: dict[str, Any]) -> None:
    assert shape_of(graph(**values)) == shape_of(graph())


@pytest.mark.parametrize(
    "values",
    [{"checkpoint_model": "sdxl"}, {"params": {"sampler_name": "heun"}}, {"lora_models": [{"name": "x"}]}],
)
def test_another_model_and_another_node_change_the_fingerprint(values: dict[str, Any]) -> None:
    assert shape_of(graph(**values)).name != shape_of(graph()).name


@pytest.mark.parametrize(
    ("values", "times"),
    [
        ({"width": 1024}, 2),
        ({"height": 1024}, 2),
        ({"width": 1024, "height": 1024}, 4),
        ({"batch_size": 3}, 3),
        ({"params": {"steps": 40}}, 2),
    ],
)
def test_how_much_a_job_does_changes_its_work_and_its_key_but_not_its_fingerprint(
    values: dict[str, Any], times: float
) -> None:
    plain, more = (
        shape_of(graph(width=512, height=512, params={"steps": 20})),
        shape_of(graph(**{"width": 512, "height": 512, "params": {"steps": 20}, **values})),
    )
    assert more.work == times * plain.work
    assert more.fingerprint != plain.fingerprint
    assert more.name == plain.name


def test_nearly_as_much_has_the_same_key() -> None:
    assert shape_of(graph(params={"steps": 25})).fingerprint == shape_of(graph(params={"steps": 28})).fingerprint
    assert shape_of(graph(width=512, height=1024)).fingerprint == shape_of(graph(width=1024, height=512)).fingerprint


def test_names_and_order_of_nodes_and_the_files_they_write_do_not_matter() -> None:
    plain = graph()
    names = {name: f"node-{name}" for name in plain}
    renamed: Graph = {
        names[name]: {
            **node,
            "inputs": {
                key: [names[value[0]], value[1]] if isinstance(value, list) else value
                for key, value in reversed(node["inputs"].items())
            },
        }
        for name, node in reversed(plain.items())
    }
    for node in renamed.values():
        if node["class_type"] == "SaveImage":
            node["inputs"]["filename_prefix"] = "other"
    assert shape_of(renamed) == shape_of(plain)


def test_the_file_of_a_model_counts_in_whichever_input() -> None:
    found = [
        {"1": {"class_type": "Anything", "inputs": {"which": name}}} for name in ("a.GGUF", "b.gguf", "c.png", "d")
    ]
    assert len({shape_of(graph).name for graph in found}) == 3


def test_another_link_is_another_workflow() -> None:
    one: Graph = {
        "1": {"class_type": "A", "inputs": {}},
        "2": {"class_type": "B", "inputs": {}},
        "3": {"class_type": "C", "inputs": {"image": ["1", 0]}},
    }
    another = {**one, "3": {"class_type": "C", "inputs": {"image": ["2", 0]}}}
    third = {**one, "3": {"class_type": "C", "inputs": {"image": ["1", 1]}}}
    assert len({shape_of(found).name for found in (one, another, third)}) == 3


def test_steps_that_a_sampler_leaves_out_do_not_count() -> None:
    first: Graph = {"1": {"class_type": "KSamplerAdvanced", "inputs": {"steps": 20, "end_at_step": 15}}}
    last: Graph = {"1": {"class_type": "KSamplerAdvanced", "inputs": {"steps": 20.0, "start_at_step": 15}}}
    both: Graph = {"1": first["1"], "2": last["1"]}
    assert [shape_of(found).steps for found in (first, last, both)] == [15, 5, 20]


def test_frames_and_scales_are_work_too() -> None:
    still: Graph = {"1": {"class_type": "Latent", "inputs": {"width": 512, "height": 512}}}
    film: Graph = {"1": {"class_type": "Latent", "inputs": {"width": 512, "height": 512, "length": 81}}}
    larger: Graph = {**still, "2": {"class_type": "ScaleBy", "inputs": {"scale_by": 2}}}
    assert shape_of(film).work == 81 * shape_of(still).work
    assert shape_of(larger).work == 4 * shape_of(still).work


@pytest.mark.parametrize(
    "odd", [{"a": []}, None, True, -5, 0, float("inf"), float("nan"), 10**400, 1e308, [], ["9", 0]]
)
def test_odd_values_make_a_shape_too(odd: Any) -> None:
    inputs = dict.fromkeys(("width", "height", "batch_size", "length", "steps", "scale_by", "image"), odd)
    shape = shape_of({"1": {"class_type": "X", "inputs": inputs}, "2": {"class_type": "X", "inputs": inputs}})
    assert isinstance(shape, Shape)
    assert 1 <= shape.work <= 1e15
    assert len(shape.fingerprint) == 16

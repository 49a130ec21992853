"""A client's own workflow: which documents have the shape of one, and what is read from it."""

import json
from typing import Any

import pytest

from shared.workflows.parameters import LARGEST_SEED, TextToImage
from shared.workflows.shape import (
    DEEPEST,
    LARGEST,
    LONGEST_TEXT,
    MOST_FAULTS,
    MOST_NODES,
    check_shape,
    first_checkpoint,
    has_seeds,
    prompt_text,
    with_seeds,
)
from shared.workflows.text_to_image import text_to_image


def node(kind: str = "KSampler", /, **inputs: Any) -> dict[str, Any]:
    return {"class_type": kind, "inputs": inputs}


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


def test_what_this_system_makes_itself_has_the_shape() -> None:
    assert check_shape(text_to_image(TextToImage(prompt="x", checkpoint_model="y"))) == []


def test_a_node_may_have_more_than_is_asked_for() -> None:
    assert check_shape({"1": {**node(seed=LARGEST_SEED), "_meta": {"title": "naïve 🎨"}}}) == []


@pytest.mark.parametrize(
    ("workflow", "where", "code"),
    [
        ([], (None, None), "not_a_workflow"),
        (None, (None, None), "not_a_workflow"),
        ({}, (None, None), "empty_workflow"),
        ({"nodes": [], "links": [], "version": 0.4}, (None, None), "ui_format"),
        ({"nodes": []}, (None, None), "ui_format"),
        ({str(number): node() for number in range(MOST_NODES + 1)}, (None, None), "too_many_nodes"),
        ({"1": None}, ("1", None), "not_a_node"),
        ({"": node()}, (None, None), "bad_node_id"),
        ({"a\0": node()}, ("a\0", None), "bad_node_id"),
        ({"x" * 300: node()}, ("x" * 255, None), "bad_node_id"),
        ({"1": {"inputs": {}}}, ("1", "class_type"), "missing_class_type"),
        ({"1": {"class_type": "", "inputs": {}}}, ("1", "class_type"), "missing_class_type"),
        ({"1": {"class_type": 3, "inputs": {}}}, ("1", "class_type"), "missing_class_type"),
        ({"1": {"class_type": "KSampler"}}, ("1", "inputs"), "missing_inputs"),
        ({"1": {"class_type": "KSampler", "inputs": []}}, ("1", "inputs"), "missing_inputs"),
        ({"1": node(text="a\0b")}, ("1", "inputs.text"), "nul"),
        ({"1": node(texts=[{"a": "\0"}])}, ("1", "inputs.texts[0].a"), "nul"),
        ({"1": node(**{"a\0": 1})}, ("1", "inputs"), "nul"),
        ({"1": node(cfg=float("nan"))}, ("1", "inputs.cfg"), "not_finite"),
        ({"1": node(cfg=[float("-inf")])}, ("1", "inputs.cfg[0]"), "not_finite"),
        ({"1": node(seed=LARGEST_SEED + 1)}, ("1", "inputs.seed"), "number_too_large"),
        ({"1": node(a=nested(DEEPEST + 1))}, ("1", "inputs.a" + "[0]" * (DEEPEST - 2)), "too_deep"),
        ({"1": node(text="x" * LARGEST)}, (None, None), "workflow_too_large"),
    ],
)
def test_what_has_not_is_told_with_its_place(workflow: Any, where: tuple[str, str], code: str) -> None:
    assert [(fault.node_id, fault.field, fault.code) for fault in check_shape(workflow)] == [(*where, code)]
    assert check_shape(workflow)[0].message


def test_a_node_that_is_called_nodes_is_a_node() -> None:
    assert check_shape({"nodes": node(), "links": node()}) == []


def test_every_fault_is_told_but_not_without_end() -> None:
    assert {fault.node_id for fault in check_shape({"1": None, "2": {}, "3": node()})} == {"1", "2"}
    assert len(check_shape(dict.fromkeys(map(str, range(MOST_NODES))))) == MOST_FAULTS


def test_its_size_is_that_of_its_bytes() -> None:
    frame = len(json.dumps({"1": node(text="")}, separators=(",", ":")))
    assert check_shape({"1": node(text="é" * ((LARGEST - frame) // 2))}) == []
    assert check_shape({"1": node(text="é" * (LARGEST // 2))})[0].code == "workflow_too_large"


def test_its_prompt_is_what_its_text_encoders_are_told() -> None:
    workflow = {
        "1": node("CLIPTextEncode", text="a cat"),
        "2": node("SomeTextEncodePlus", text="a hat"),
        "3": node("CLIPTextEncode", text=["1", 0]),
        "4": node("CLIPTextEncode", text=""),
        "5": node("ShowText", text="not this"),
    }
    assert prompt_text(workflow) == "a cat\na hat"
    assert len(prompt_text({"1": node("CLIPTextEncode", text="x" * LONGEST_TEXT + "y")})) == LONGEST_TEXT


def test_its_checkpoint_is_the_first_that_is_named() -> None:
    workflow = {"1": node(ckpt_name=["2", 0]), "2": node(ckpt_name="b"), "3": node(ckpt_name="a")}
    assert first_checkpoint(workflow) == "b"
    assert first_checkpoint({"1": node(ckpt_name="x" * 300)}) == "x" * 255
    assert first_checkpoint({"1": node()}) is None


def test_seeds_are_numbers_under_either_name_and_nothing_else_is_touched() -> None:
    workflow = {
        "1": node(seed=-1, steps=-1),
        "2": node(noise_seed=7),
        "3": node(seed=["1", 0], noise_seed=True),
        "4": {**node(), "_meta": {}},
    }
    before = json.dumps(workflow)
    changed = with_seeds(workflow, lambda seed: seed + 10)
    assert (changed["1"]["inputs"]["seed"], changed["2"]["inputs"]["noise_seed"]) == (9, 17)
    assert changed["1"]["inputs"]["steps"] == -1
    assert (changed["3"], changed["4"]) == (workflow["3"], workflow["4"])
    assert json.dumps(workflow) == before
    assert has_seeds(workflow)
    assert not has_seeds({"3": workflow["3"], "4": workflow["4"]})

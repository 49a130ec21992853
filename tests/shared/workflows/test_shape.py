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
    as_sent,
    check_shape,
    first_checkpoint,
    prompt_text,
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


GRAPH = {"1": node(seed=1)}
OF_EDITOR = {"last_node_id": 1, "nodes": [{"id": 1, "type": "KSampler"}], "links": []}


@pytest.mark.parametrize(
    ("sent", "path"),
    [
        ({"prompt": GRAPH}, "prompt"),
        ({"prompt": GRAPH, "client_id": "x", "extra_data": {"extra_pnginfo": {"workflow": OF_EDITOR}}}, "prompt"),
        ({"workflow": {"prompt": GRAPH}}, "workflow.prompt"),
        ({"input": {"workflow": GRAPH}}, "input.workflow"),
        ({"output": GRAPH, "workflow": OF_EDITOR}, "output"),
        ({"a": {"b": {"c": {"d": GRAPH}}}}, "a.b.c.d"),
    ],
)
def test_a_graph_that_something_is_around_is_told_where_it_goes(sent: Any, path: str) -> None:
    (fault,) = check_shape(sent)
    assert (fault.node_id, fault.field, fault.code) == (None, None, "misplaced_graph")
    assert f"in `{path}`" in fault.message
    assert '{"workflow": {' in fault.message


def test_what_the_editor_saves_is_told_wherever_it_is() -> None:
    (fault,) = check_shape({"prompt": OF_EDITOR})
    assert fault.code == "ui_format"
    assert fault.message.startswith("`prompt`: ")
    assert "Export (API)" in fault.message


def test_a_graph_is_not_looked_for_without_end() -> None:
    deep: Any = GRAPH
    for _ in range(1000):
        deep = {"a": deep}
    assert check_shape(deep)[0].code == "missing_class_type"
    assert check_shape({str(number): {"x": {}} for number in range(MOST_NODES)})[0].code == "missing_class_type"


@pytest.mark.parametrize("written", [float("nan"), [float("nan")], ["ab12"], None, "\0"])
def test_what_comfyui_writes_beside_inputs_is_dropped(written: Any) -> None:
    sent = {"1": {**node(seed=1), "is_changed": written, "_meta": {"title": "a"}}, "2": node()}
    kept = as_sent(sent)
    assert kept == {"1": {**node(seed=1), "_meta": {"title": "a"}}, "2": node()}
    assert check_shape(kept) == []
    assert "is_changed" in sent["1"], "what was sent is not changed"
    assert as_sent({"1": node(is_changed=2)}) == {"1": node(is_changed=2)}, "an input may have that name"


@pytest.mark.parametrize("odd", [None, 5, [], {}, {"1": None}, {"1": {"class_type": "X"}, "2": 5}])
def test_what_is_no_workflow_is_not_tidied(odd: Any) -> None:
    assert as_sent(odd) == odd


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

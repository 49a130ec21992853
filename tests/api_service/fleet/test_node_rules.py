"""A graph is judged as ComfyUI's own validation judges it: held to what a real server said of the same prompts."""

from typing import Any

import pytest

from api_service.fleet.node_rules import Finding, findings
from shared.fleet.object_info import read_catalogue
from shared.workflows.links import graph_faults
from tests.object_infos import RECORDED, object_info, page
from tests.simulator.graphs import node
from tests.simulator.recordings import document

CATALOGUE = read_catalogue(RECORDED)
IMAGE = node("EmptyImage", width=64, height=64, batch_size=1, color=0)
SAVED = {"1": IMAGE, "9": node("SaveImage", images=["1", 0], filename_prefix="x")}

# What we call more exactly than ComfyUI does.
NAMED = {"unknown_checkpoint", "unknown_lora", "unknown_vae", "unknown_sampler", "unknown_scheduler"}
# What ComfyUI says where it stumbled over a workflow, rather than found what is wrong with it.
STUMBLED = {"exception_during_validation", "exception_during_inner_validation"}
# Refused for what stands beside the workflow, not for the workflow.
BESIDE = {"number not numeric", "extra_data not an object", "wrong method"}


def exchanges(name: str) -> list[Any]:
    """The recorded submissions of a workflow that is an object: each with the answer, under its note."""
    recorded: Any = document(f"0.8/http/{name}")
    found = []
    for exchange in recorded:
        body, note = exchange["request"].get("json"), str(exchange["note"])
        if isinstance(body, dict) and isinstance(body.get("prompt"), dict) and note not in BESIDE:
            found.append(pytest.param(body["prompt"], exchange["response"]["body"].get("json", {}), id=note))
    return found


def refused_inputs(answer: dict[str, Any]) -> set[tuple[str, str, str]]:
    return {
        (node_id, error["extra_info"]["input_name"], error["type"])
        for node_id, found in answer.get("node_errors", {}).items()
        for error in found["errors"]
    }


def our_inputs(found: list[Finding], *, certain: bool = True) -> set[tuple[str | None, str, str]]:
    return {
        (one.node_id, one.field.removeprefix("inputs."), "value_not_in_list" if one.code in NAMED else one.code)
        for one in found
        if one.is_certain is certain
    }


@pytest.mark.parametrize(("prompt", "answer"), exchanges("prompt_success"))
def test_what_a_real_server_accepted_is_accepted(prompt: dict[str, Any], answer: dict[str, Any]) -> None:
    assert graph_faults(prompt) == []
    assert our_inputs(findings(prompt, CATALOGUE)) == refused_inputs(answer)


@pytest.mark.parametrize(("prompt", "answer"), exchanges("prompt_failures"))
def test_what_a_real_server_refused_is_refused(prompt: dict[str, Any], answer: dict[str, Any]) -> None:
    theirs = refused_inputs(answer)
    stumbled = {code for _, _, code in theirs} <= STUMBLED
    if graph_faults(prompt):
        assert stumbled, "what ComfyUI finds by itself is found in the same way"
        return
    ours = findings(prompt, CATALOGUE)
    if "custom_validation_failed" in str(theirs):
        assert our_inputs(ours, certain=False) == {("1", "image", "value_not_in_list")}
    elif stumbled:
        assert our_inputs(ours)
    else:
        assert our_inputs(ours) == theirs


def one_finding(graph: dict[str, Any]) -> Finding:
    (found,) = findings(graph, CATALOGUE)
    return found


@pytest.mark.parametrize("value", ["12", 12.9, "1_0", True])
def test_values_are_converted_as_comfyui_does(value: Any) -> None:
    assert findings({**SAVED, "1": {**IMAGE, "inputs": {**IMAGE["inputs"], "width": value}}}, CATALOGUE) == []


@pytest.mark.parametrize("value", ["1.5", None, {}, float("inf"), "9" * 5000, {"__value__": [1]}])
def test_what_does_not_convert_is_refused(value: Any) -> None:
    found = one_finding({**SAVED, "1": {**IMAGE, "inputs": {**IMAGE["inputs"], "width": value}}})
    assert (found.code, found.field) == ("invalid_input_type", "inputs.width")
    assert len(found.message) < 200


def test_a_class_is_unknown_wherever_it_stands_and_the_rest_is_looked_at_too() -> None:
    graph = {**SAVED, "2": node("Nope"), "1": node("EmptyImage", width=0, height=64, batch_size=1, color=0)}
    assert [(one.node_id, one.code) for one in findings(graph, CATALOGUE)] == [
        ("2", "unknown_node_class"),
        ("1", "value_smaller_than_min"),
    ]


def test_an_unknown_class_may_be_the_output() -> None:
    assert one_finding({"1": IMAGE, "2": node("Nope", image=["1", 0])}).code == "unknown_node_class"


def test_a_link_takes_the_place_of_a_choice() -> None:
    chooser = page({}, output=["COMBO"])
    graph = {"0": node("Chooser"), "1": node("ImageToMask", image=["2", 0], channel=["0", 0]), "2": IMAGE}
    graph["9"] = node("MaskPreview", mask=["1", 0])
    assert findings(graph, read_catalogue(object_info(classes={"Chooser": chooser}))) == []


@pytest.mark.parametrize(
    ("given", "taken", "fits"),
    [
        ("IMAGE", "IMAGE", True),
        ("IMAGE", "*", True),
        ("*", "IMAGE", True),
        ("MASK", "IMAGE,MASK", True),
        ("INT", "FLOAT", False),
        ("COMFY_MATCHTYPE_V3", "IMAGE", True),
        ("IMAGE", "COMFY_MATCHTYPE_V3", True),
    ],
)
def test_an_output_fits_an_input_by_its_type(given: str, taken: str, fits: bool) -> None:
    classes = {"From": page({}, output=[given]), "To": page({"x": [taken]}, output_node=True)}
    graph = {"1": node("From"), "2": node("To", x=["1", 0])}
    assert (findings(graph, read_catalogue(object_info(classes=classes))) == []) is fits


def test_a_custom_node_may_take_what_is_not_in_its_list_or_its_bounds() -> None:
    spec = {"mode": [["a"]], "size": ["INT", {"max": 5}], "ckpt_name": [["one"]]}
    classes = {"Odd": page(spec, output_node=True, python_module="custom_nodes.odd")}
    found = findings(
        {"1": node("Odd", mode="b", size=6, ckpt_name="two")}, read_catalogue(object_info(classes=classes))
    )
    assert [(one.code, one.is_certain) for one in found] == [
        ("value_not_in_list", False),
        ("value_bigger_than_max", False),
        ("unknown_checkpoint", True),
    ]
    (missing,) = findings({"1": node("Odd", size=1, ckpt_name="one")}, read_catalogue(object_info(classes=classes)))
    assert (missing.code, missing.field, missing.is_certain) == ("required_input_missing", "inputs.mode", True)


def test_an_input_that_stands_for_others_is_not_looked_at() -> None:
    classes = {"Grow": page({"images": ["COMFY_AUTOGROW_V3", {"min": 1}]}, output_node=True)}
    graph = {"1": node("Grow", **{"images.image0": ["2", 0]}), "2": IMAGE}
    assert findings(graph, read_catalogue(object_info(classes=classes))) == []

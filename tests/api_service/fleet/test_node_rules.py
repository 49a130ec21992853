"""A graph is judged as ComfyUI's own validation judges it: held to what a real server said of the same prompts."""

from typing import Any

import pytest

from api_service.fleet.node_rules import Finding, findings
from shared.fleet.object_info import read_catalogue
from shared.workflows.links import graph_faults
from tests.object_infos import RECORDED, object_info, page
from tests.shared.fleet.test_node_inputs import BATCH, RESIZE
from tests.shared.fleet.test_replacements import INFO, SAID
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
        assert our_inputs(ours) == {("1", "image", "missing_asset")}
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


@pytest.mark.parametrize("kind", ["COMFY_AUTOGROW_V3", "COMFY_DYNAMICCOMBO_V3", "COMFY_DYNAMICSLOT_V3", "COMFY_NEW_V9"])
@pytest.mark.parametrize("options", [{"min": 1}, {"template": 5}, {"options": 5, "inputs": []}])
def test_an_input_that_stands_for_others_in_a_way_nobody_knows_is_not_looked_at(kind: str, options: Any) -> None:
    classes = {"Grow": page({}, {"images": [kind, options]}, output_node=True)}
    graph = {"1": node("Grow", **{"images.image0": 5}), "2": IMAGE}
    assert findings(graph, read_catalogue(object_info(classes=classes))) == []


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ([1, 0], 'a link is ["1", 0]: the id of a node is a text'),
        (["1", "0"], 'a link is ["1", 0]: outputs are numbered'),
        ([1, "0"], 'a link is ["1", 0]: outputs are numbered'),
        ([["1", 0]], "without another list around it"),
        ([], "a list is taken for a link"),
        (["1"], "a list is taken for a link"),
        (["1", 0, 0], "a list is taken for a link"),
        ([True, 0], "a list is taken for a link"),
        (["1", "9" * 5000], "a list is taken for a link"),
        (["x" * 5000, "0"], "outputs are numbered"),
        ([None, {}], '{"__value__": [...]}'),
    ],
)
def test_a_list_that_is_no_link_is_explained(given: Any, says: str) -> None:
    found = one_finding({**SAVED, "9": node("SaveImage", images=given, filename_prefix="x")})
    assert (found.code, found.field) == ("bad_linked_input", "inputs.images")
    assert says in found.message
    assert len(found.message) < 300


NEWER = read_catalogue(
    object_info(
        classes={
            "BatchImagesNode": page(BATCH, python_module="comfy_extras.nodes_post_processing"),
            "ResizeImageMaskNode": page(RESIZE, python_module="comfy_extras.nodes_post_processing"),
            "Custom": page(RESIZE, python_module="custom_nodes.x"),
        }
    )
)


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        # What ComfyUI 0.33 said of each: it ran them.
        ({"resize_type": "scale by multiplier", "resize_type.multiplier": 2}, []),
        ({"resize_type": "scale dimensions", "resize_type.width": 8, "resize_type.crop": "center"}, []),
        ({"resize_type": "match size"}, []),
        ({"resize_type": "match size", "resize_type.match": ["1", 0]}, []),
        ({"resize_type": "match size", "resize_type.width": 5}, []),
        # It refused them.
        ({"resize_type": "scale by multiplier"}, [("resize_type.multiplier", "required_input_missing")]),
        (
            {"resize_type": "scale by multiplier", "resize_type.multiplier": 9},
            [("resize_type.multiplier", "value_bigger_than_max")],
        ),
        (
            {"resize_type": "scale dimensions", "resize_type.width": "x", "resize_type.crop": "no"},
            [("resize_type.width", "invalid_input_type"), ("resize_type.crop", "value_not_in_list")],
        ),
        # It took them, and the node failed.
        ({}, [("resize_type", "required_input_missing")]),
        ({"resize_type": "nope"}, [("resize_type", "value_not_in_list")]),
        ({"resize_type": ["1", 0]}, [("resize_type", "bad_linked_input")]),
        (
            {"resize_type": "scale by multiplier", "resize_type.multiplier": 1, "resize_type.match": ["1", 0]},
            [("resize_type.match", "unknown_input")],
        ),
    ],
)
def test_a_choice_of_inputs_is_checked_with_those_that_it_brings(
    inputs: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    resize = node("ResizeImageMaskNode", input=["1", 0], scale_method="lanczos", **inputs)
    graph = {"1": IMAGE, "2": resize, "9": node("SaveImage", images=["2", 0], filename_prefix="x")}
    found = findings(graph, NEWER)
    assert [(one.field, one.code) for one in found] == [(f"inputs.{name}", code) for name, code in expected]
    assert all(one.is_certain for one in found)


def test_what_a_custom_node_may_have_a_default_for_is_noted_only() -> None:
    graph = {"1": IMAGE, "2": node("Custom", input=["1", 0], scale_method="lanczos")}
    graph["9"] = node("SaveImage", images=["2", 0], filename_prefix="x")
    (found,) = findings(graph, NEWER)
    assert (found.field, found.code, found.is_certain) == ("inputs.resize_type", "required_input_missing", False)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"images.image0": ["1", 0], "images.image1": ["1", 0]}, []),
        ({"images.image0": ["1", 0], "images.image1": ["1", 0], "images.image49": ["1", 0]}, []),
        ({"images.image0": ["1", 0]}, [("images.image1", "required_input_missing")]),
        ({}, [("images.image0", "required_input_missing"), ("images.image1", "required_input_missing")]),
        (
            {"images.image0": ["1", 0], "images.image1": ["1", 0], "images.image77": ["1", 0]},
            [("images.image77", "unknown_input")],
        ),
        (
            {"images.image0": [1, 0], "images.image1": ["5", 0]},
            [("images.image0", "bad_linked_input"), ("images.image1", "return_type_mismatch")],
        ),
    ],
)
def test_as_many_inputs_as_a_node_needs_are_checked_each(
    given: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    graph = {"1": IMAGE, "2": node("BatchImagesNode", **given), "5": node("EmptyLatentImage", width=64, height=64)}
    graph["9"] = node("SaveImage", images=["2", 0], filename_prefix="x")
    found = [one for one in findings(graph, NEWER) if one.node_id == "2"]
    assert [(one.field, one.code) for one in found] == [(f"inputs.{name}", code) for name, code in expected]


REPLACING = read_catalogue(INFO, SAID)


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        ({"images": ["1", 0], "longer_edge": 64}, []),
        ({"images": ["1", 0], "longer_edge": -5}, [("inputs.longer_edge", "value_smaller_than_min")]),
        ({"images": ["1", 0]}, [("inputs.longer_edge", "required_input_missing")]),
        ({"images": ["1", 7], "longer_edge": 64}, [("inputs.images", "link_slot_missing")]),
    ],
)
def test_a_class_that_the_server_replaces_is_held_to_the_one_it_runs(
    inputs: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    graph = {"1": IMAGE, "2": node("ResizeImagesByLongerEdge", **inputs)}
    graph["9"] = node("SaveImage", images=["2", 0], filename_prefix="x")
    assert [(one.field, one.code) for one in findings(graph, REPLACING)] == expected
    assert "unknown_node_class" in {one.code for one in findings(graph, CATALOGUE)}

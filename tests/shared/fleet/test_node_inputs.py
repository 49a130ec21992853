"""Inputs that stand for others, as ComfyUI 0.33 declares them, become those that a node has with its values."""

from typing import Any

import pytest

from shared.fleet.node_inputs import DEEPEST, MOST_GROWN, Chosen, Grown, declared_for
from shared.fleet.object_info import read_catalogue
from tests.object_infos import page

# Of ComfyUI 0.33, shortened.
BATCH = {
    "images": [
        "COMFY_AUTOGROW_V3",
        {"template": {"input": {"required": {"image": ["IMAGE", {}]}}, "prefix": "image", "min": 2, "max": 50}},
    ]
}
RESIZE = {
    "input": ["COMFY_MATCHTYPE_V3", {"template": {"template_id": "input_type", "allowed_types": "IMAGE,MASK"}}],
    "resize_type": [
        "COMFY_DYNAMICCOMBO_V3",
        {
            "options": [
                {
                    "key": "scale dimensions",
                    "inputs": {
                        "required": {
                            "width": ["INT", {"min": 0, "max": 16384}],
                            "crop": ["COMBO", {"multiselect": False, "options": ["disabled", "center"]}],
                        }
                    },
                },
                {
                    "key": "scale by multiplier",
                    "inputs": {"required": {"multiplier": ["FLOAT", {"min": 0.01, "max": 8.0}]}},
                },
                {"key": "match size", "inputs": {"optional": {"match": ["IMAGE,MASK", {}]}}},
            ]
        },
    ],
    "scale_method": ["COMBO", {"options": ["nearest-exact", "lanczos"]}],
}


def declared(required: dict[str, Any], **given: Any) -> dict[str, bool]:
    """The inputs of a node with these values, and whether each is required."""
    node = read_catalogue({"Odd": page(required)}).classes["Odd"]
    return {name: one.is_required for name, one in declared_for(node.inputs, given).items()}


def test_one_that_grows_needs_as_many_as_it_says() -> None:
    found = declared(BATCH)
    assert len(found) == 50
    assert [name for name, is_required in found.items() if is_required] == ["images.image0", "images.image1"]
    assert "images" not in found


def test_one_that_grows_may_name_its_inputs_and_need_none_of_them() -> None:
    template = {"input": {"optional": {"f": ["FLOAT", {}]}}, "names": ["a", "b", 5], "min": 1}
    assert declared({"x": ["COMFY_AUTOGROW_V3", {"template": template}]}) == {"x.a": False, "x.b": False}


def test_one_that_is_chosen_brings_the_inputs_of_its_option() -> None:
    common = {"input": True, "resize_type": True, "scale_method": True}
    assert declared(RESIZE) == common
    chosen = declared(RESIZE, resize_type="scale dimensions")
    assert chosen == {**common, "resize_type.width": True, "resize_type.crop": True}
    assert declared(RESIZE, resize_type="match size") == {**common, "resize_type.match": False}
    others: list[Any] = ["nothing", 5, None, ["1", 0], {}, float("nan")]
    for other in others:
        assert declared(RESIZE, resize_type=other) == common


def test_one_of_a_link_brings_its_inputs_with_the_link() -> None:
    spec = {"slot": ["COMFY_DYNAMICSLOT_V3", {"slotType": "IMAGE", "inputs": {"required": {"size": ["INT", {}]}}}]}
    assert declared(spec) == {"slot": False}
    assert declared(spec, slot=["1", 0]) == {"slot": False, "slot.size": True}


def test_an_option_may_hold_inputs_that_stand_for_others() -> None:
    spec = {"model": ["COMFY_DYNAMICCOMBO_V3", {"options": [{"key": "a", "inputs": {"required": BATCH}}]}]}
    assert "model.images.image49" in declared(spec, model="a")
    assert declared(spec, model="b") == {"model": True}


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"template": None},
        {"template": {"input": {}, "prefix": "a", "min": 1, "max": 2}},
        {"template": {"input": {"required": {"x": ["INT"]}}, "prefix": 5, "min": 1, "max": 2}},
        {"template": {"input": {"required": {"x": ["INT"]}}, "prefix": "a", "min": "1", "max": 2}},
        {"template": {"input": {"required": BATCH}, "prefix": "a", "min": 1, "max": 2}},
    ],
)
def test_what_is_not_understood_stands_for_nothing(options: Any) -> None:
    assert declared({"x": ["COMFY_AUTOGROW_V3", options]}) == {"x": False}


def test_neither_a_number_of_inputs_nor_a_depth_is_believed() -> None:
    template = {"input": {"required": {"x": ["INT"]}}, "prefix": "a", "min": 10**9, "max": 10**9}
    node = read_catalogue({"Odd": page({"x": ["COMFY_AUTOGROW_V3", {"template": template}]})}).classes["Odd"]
    parts = node.inputs["x"].parts
    assert isinstance(parts, Grown)
    assert len(parts.names) == MOST_GROWN
    names = read_catalogue(
        {"Odd": page({"x": ["COMFY_AUTOGROW_V3", {"template": {**template, "names": ["a"] * 10**5}}]})}
    ).classes["Odd"]
    assert len(declared_for(names.inputs, {})) <= MOST_GROWN
    spec: list[Any] = ["INT", {}]
    for _ in range(100):
        spec = ["COMFY_DYNAMICCOMBO_V3", {"options": [{"key": "a", "inputs": {"required": {"x": spec}}}]}]
    one = read_catalogue({"Odd": page({"x": spec})}).classes["Odd"].inputs["x"]
    depth = 0
    while isinstance(one.parts, Chosen):
        (one,), depth = one.parts.by_option["a"], depth + 1
    assert depth == DEEPEST


def test_a_socket_takes_nothing_but_a_link() -> None:
    required = {
        "a": ["IMAGE"],
        "b": ["STRING"],
        "c": ["STRING", {"forceInput": True}],
        "d": [["x"]],
        "e": ["INT,FLOAT"],
    }
    node = read_catalogue({"Odd": page(required)}).classes["Odd"]
    assert [name for name, one in node.inputs.items() if one.is_socket] == ["a", "c", "e"]

"""`/object_info` is read in both its dialects, and whatever custom nodes put there does no harm."""

from typing import Any

import pytest

from shared.fleet.model_kinds import ModelKind
from shared.fleet.node_inputs import NodeInput
from shared.fleet.object_info import read_catalogue
from tests.object_infos import RECORDED, object_info, page


def read_input(spec: Any, *, python_module: Any = "nodes", name: str = "x") -> NodeInput:
    catalogue = read_catalogue({"Odd": page({name: spec}, python_module=python_module)})
    return catalogue.classes["Odd"].inputs[name]


def test_everything_recorded_is_understood() -> None:
    catalogue = read_catalogue(RECORDED)
    assert catalogue.classes.keys() == RECORDED.keys()
    for name, node in catalogue.classes.items():
        declared = RECORDED[name]["input"]
        assert set(node.inputs) == {*declared.get("required", {}), *declared.get("optional", {})}
        assert node.outputs == tuple(RECORDED[name]["output"])
        assert node.is_output is RECORDED[name]["output_node"]
        assert all(one.choices for one in node.inputs.values() if one.type == "COMBO")


def test_models_are_the_choices_of_their_loaders() -> None:
    catalogue = read_catalogue(object_info(checkpoints=["b", "a"], loras=[], vaes=["v"]))
    assert catalogue.models[ModelKind.CHECKPOINTS] == ("b", "a")
    assert catalogue.models[ModelKind.LORAS] == ()
    assert catalogue.models[ModelKind.VAES] == ("v",)
    assert {"euler", "dpmpp_2m"} < set(catalogue.models[ModelKind.SAMPLERS])
    assert {"normal", "karras"} < set(catalogue.models[ModelKind.SCHEDULERS])
    assert read_catalogue({}).models[ModelKind.CHECKPOINTS] == ()


def test_a_choice_is_the_same_in_both_dialects() -> None:
    assert read_input([["a", "b"]]) == read_input(["COMBO", {"options": ["a", "b"]}])
    assert read_input([["a", "b"]]).choices == ("a", "b")


def test_a_number_has_its_bounds() -> None:
    found = read_input(["INT", {"min": 1, "max": 2**64 - 1}])
    assert (found.minimum, found.maximum) == (1, 2**64 - 1)
    assert read_input(["INT", {"min": None, "max": "many"}]).minimum is None


@pytest.mark.parametrize(
    ("spec", "module", "is_closed"),
    [
        ([["a"]], "nodes", True),
        ([["a"]], "comfy_extras.nodes_x", True),
        ([["a"]], "custom_nodes.x", False),
        ([["a"]], None, False),
        ([["a"], {"image_upload": True}], "nodes", False),
        (["COMBO", {"options": ["a"], "multiselect": True}], "nodes", False),
        (["COMBO", {"options": ["a"], "multiselect": False}], "nodes", True),
    ],
)
def test_comfyui_is_known_to_insist_on_the_lists_of_its_own_nodes(spec: Any, module: Any, is_closed: bool) -> None:
    assert read_input(spec, python_module=module).is_closed is is_closed


def test_a_checkpoint_is_one_of_the_list_in_a_custom_loader_too() -> None:
    assert read_input([["a"]], python_module="custom_nodes.x", name="ckpt_name").is_closed


def test_a_placeholder_for_other_inputs_is_not_required() -> None:
    assert not read_input(["COMFY_AUTOGROW_V3", {"template": {}}]).is_required
    assert read_input(["IMAGE"]).is_required


@pytest.mark.parametrize(
    "odd", [None, 5, [], {}, page(), {"input": []}, {"input": {"required": [1]}, "output": "IMAGE"}]
)
def test_a_class_that_is_not_understood_is_known_by_name(odd: Any) -> None:
    assert read_catalogue({"Odd": odd}).classes["Odd"].inputs == {}


@pytest.mark.parametrize("odd", [None, "IMAGE", [], {}, 5])
def test_an_input_that_is_not_understood_is_left_out(odd: Any) -> None:
    catalogue = read_catalogue({"Odd": page({"odd": odd, "x": ["INT"]})})
    assert list(catalogue.classes["Odd"].inputs) == ["x"]


@pytest.mark.parametrize("spec", [[None], [5, "text"], ["COMBO"], ["COMBO", {"options": 5}], [[{"a": 1}]], [[["a"]]]])
def test_choices_that_are_no_plain_values_are_not_held_against_anybody(spec: Any) -> None:
    assert read_input(spec).choices is None

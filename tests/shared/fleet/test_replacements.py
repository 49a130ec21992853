"""Classes that a newer server runs as others are read from it, and a graph becomes what that server makes of it."""

from typing import Any

import pytest

from shared.fleet.capabilities import offers
from shared.fleet.object_info import read_catalogue
from shared.fleet.replacements import as_replaced, read_replacements
from tests.object_infos import object_info, page
from tests.simulator.graphs import node

# Of ComfyUI 0.33, and one that moves an output.
SAID: dict[str, Any] = {
    "ResizeImagesByLongerEdge": [
        {
            "new_node_id": "ImageScaleToMaxDimension",
            "old_node_id": "ResizeImagesByLongerEdge",
            "old_widget_ids": ["longer_edge"],
            "input_mapping": [
                {"new_id": "image", "old_id": "images"},
                {"new_id": "largest_size", "old_id": "longer_edge"},
                {"new_id": "upscale_method", "set_value": "lanczos"},
            ],
            "output_mapping": [{"new_idx": 0, "old_idx": 0}],
        }
    ],
    "Load3DAnimation": [{"new_node_id": "Load3D", "input_mapping": None, "output_mapping": None}],
    "Split": [{"new_node_id": "KSampler", "input_mapping": [], "output_mapping": [{"new_idx": 2, "old_idx": 0}]}],
    "SaveImage": [{"new_node_id": "KSampler"}],
}
SCALE = page(
    {
        "image": ["IMAGE"],
        "upscale_method": [["lanczos", "area"]],
        "largest_size": ["INT", {"min": 0, "max": 16384}],
    },
    python_module="comfy_extras.nodes_images",
)
INFO = object_info(classes={"ImageScaleToMaxDimension": SCALE})


def test_what_a_server_replaces_is_what_it_lacks_by_what_it_has() -> None:
    found = read_replacements(SAID, INFO)
    assert found.keys() == {"ResizeImagesByLongerEdge", "Split"}
    assert found["ResizeImagesByLongerEdge"].new == "ImageScaleToMaxDimension"


@pytest.mark.parametrize(
    "odd",
    [
        None,
        [],
        {"Old": None},
        {"Old": []},
        {"Old": ["KSampler"]},
        {"Old": [{}]},
        {"Old": [{"new_node_id": ["KSampler"]}]},
    ],
)
def test_what_is_not_understood_replaces_nothing(odd: Any) -> None:
    assert read_replacements(odd, INFO) == {}


@pytest.mark.parametrize("odd", [None, 5, [5], [{}], [{"new_id": 5, "old_id": "a"}, {"new_id": "a", "old_id": 5}]])
def test_a_mapping_that_is_not_understood_moves_nothing(odd: Any) -> None:
    found = read_replacements({"Old": [{"new_node_id": "KSampler", "input_mapping": odd, "output_mapping": odd}]}, INFO)
    assert (found["Old"].inputs, found["Old"].outputs) == ((), {})


def test_a_graph_becomes_what_the_server_makes_of_it() -> None:
    graph = {
        "1": node("Split"),
        "2": node("ResizeImagesByLongerEdge", images=["1", 0], longer_edge=64),
        "3": node("ImageInvert", image=["1", 0], other=["2", 0], third=["1", 1]),
    }
    made = as_replaced(graph, read_replacements(SAID, INFO))
    assert made == {
        "1": node("KSampler"),
        "2": node("ImageScaleToMaxDimension", image=["1", 2], largest_size=64, upscale_method="lanczos"),
        "3": node("ImageInvert", image=["1", 2], other=["2", 0], third=["1", 1]),
    }
    assert graph["3"]["inputs"]["image"] == ["1", 0], "what was sent is not changed"
    assert as_replaced(graph, {}) is graph


def test_a_server_offers_the_classes_that_it_replaces_with_what_they_may_name() -> None:
    said = {"OldLoader": [{"new_node_id": "Loader", "input_mapping": [{"new_id": "name", "old_id": "old_name"}]}]}
    info = object_info(classes={"Loader": page({"name": [["a"]]}, python_module="nodes")})
    assert {"class_type=OldLoader", "old_name=a", "name=a"} <= set(offers(read_catalogue(info, said)))
    assert "class_type=OldLoader" not in offers(read_catalogue(info))

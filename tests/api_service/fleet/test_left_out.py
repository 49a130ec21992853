"""A node that ComfyUI would skip costs only itself: it is left out, and a note says so."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from api_service.fleet.capability_cache import Capabilities
from api_service.fleet.left_out import MOST_NOTES
from shared.messaging.messenger import Messenger
from tests.api_service.fleet.test_fleet_check import fleet, refused, verdict
from tests.object_infos import object_info, page, publish
from tests.shared.fleet.test_replacements import INFO, SAID
from tests.simulator.graphs import node

CLASSES = {
    "ShowText": page({"text": ["STRING", {"forceInput": True}]}, output_node=True, python_module="custom_nodes.show"),
    "Through": page({"images": ["IMAGE"]}, output_node=True, output=["IMAGE"]),
    "Grow": page(
        {
            "images": [
                "COMFY_AUTOGROW_V3",
                {"template": {"input": {"required": {"image": ["IMAGE", {}]}}, "prefix": "image", "min": 1, "max": 3}},
            ]
        },
        output_node=True,
    ),
}
FLEET = fleet(object_info(classes=CLASSES))
SAVED = {
    "1": node("EmptyImage", width=64, height=64, batch_size=1, color=0),
    "9": node("SaveImage", images=["1", 0], filename_prefix="x"),
}


def sent(graph: dict[str, Any], capabilities: Capabilities = FLEET) -> tuple[set[str], list[str]]:
    """The nodes that were left out, and the notes."""
    checked = verdict(graph, capabilities)
    assert not checked.errors
    assert checked.request.graph.keys() == checked.planned.graph.keys()
    assert set(checked.request.graph) <= set(graph)
    return set(graph) - set(checked.request.graph), list(checked.notes)


@pytest.mark.parametrize(
    ("unconnected", "lacks"),
    [
        (node("PreviewImage"), "images"),
        (node("SaveImage", filename_prefix="y"), "images"),
        (node("ShowText"), "text"),
        (node("Grow"), "images.image0"),
    ],
)
def test_an_output_that_nothing_is_connected_to_is_left_out(unconnected: dict[str, Any], lacks: str) -> None:
    gone, (note,) = sent({**SAVED, "7": unconnected})
    assert gone == {"7"}
    kind = unconnected["class_type"]
    assert note == f"workflow.7 ({kind}) was left out: nothing is connected to its {lacks!r}"


def test_so_is_one_behind_a_node_that_nothing_is_connected_to() -> None:
    gone, (note,) = sent({**SAVED, "6": node("ImageInvert"), "7": node("PreviewImage", images=["6", 0])})
    assert gone == {"7"}
    assert note == "workflow.7 (PreviewImage) was left out: nodes that it needs are not connected"


def test_what_needs_a_node_that_is_left_out_goes_with_it() -> None:
    graph = {
        **SAVED,
        "6": node("Through"),
        "7": node("Through", images=["6", 0]),
        "8": node("ImageInvert", image=["7", 0]),
    }
    gone, notes = sent(graph)
    assert gone == {"6", "7", "8"}
    assert [note.partition(" ")[0] for note in notes] == ["workflow.6", "workflow.7"]


@pytest.mark.parametrize(
    ("graph", "field"),
    [
        ({"7": node("PreviewImage")}, "workflow.7.inputs.images"),
        ({"6": node("PreviewImage"), "7": node("Through")}, "workflow.7.inputs.images"),
        ({**SAVED, "7": node("SaveImage", images=["1", 0])}, "workflow.7.inputs.filename_prefix"),
        ({**SAVED, "7": node("PreviewImage", images=["77", 0])}, "workflow.7.inputs.images"),
        ({**SAVED, "7": node("PreviewImage"), "8": node("Nobody", image=["77", 0])}, "workflow.8.inputs.image"),
        ({**SAVED, "1": node("EmptyImage", width=64)}, "workflow.1.inputs.height"),
    ],
)
def test_other_faults_are_refused_as_before(graph: dict[str, Any], field: str) -> None:
    assert field in refused(graph, FLEET)


def test_a_dangling_link_in_a_node_that_nothing_needs_is_no_reason_to_refuse() -> None:
    idle = {"5": node("ImageInvert", image=["77", 0]), "6": node("ImageInvert", image=["5", 0])}
    gone, notes = sent({**SAVED, **idle, "7": node("ImageInvert", image=["1", 0])})
    assert gone == {"5", "6"}
    assert notes[0] == "workflow.5 (ImageInvert) was left out: no output needs it, and it links to what is not there"


@pytest.mark.parametrize("link", [["77", 0], ["1", -1], ["1", 0.5], {"__value__": ["77", 0]}])
@pytest.mark.parametrize("name", ["image", "whatever"])
def test_such_a_link_may_be_declared_or_not(link: Any, name: str) -> None:
    assert sent({**SAVED, "5": node("ImageInvert", **{name: link})})[0] == {"5"}


def test_what_is_not_known_may_be_an_output() -> None:
    unknown = {**SAVED, "5": node("Nobody", image=["77", 0])}
    assert refused(unknown, FLEET).keys() == {"workflow.5.inputs.image"}
    assert refused({**SAVED, "5": node("ImageInvert", image=["77", 0])}, Capabilities()).keys() == {
        "workflow.5.inputs.image"
    }
    assert sent({**SAVED, "5": node("PreviewImage")}, Capabilities())[0] == set()


def test_a_good_graph_is_sent_as_it_is() -> None:
    idle = {"5": node("ImageInvert", image=["1", 0]), "6": node("ImageInvert")}
    assert sent({**SAVED, **idle}) == (set(), [])


def test_notes_do_not_go_on_for_ever() -> None:
    gone, notes = sent({**SAVED, **{f"p{number}": node("PreviewImage") for number in range(1000)}})
    assert len(gone) == 1000
    assert len(notes) == MOST_NOTES + 1
    assert notes[-1] == f"{1000 - MOST_NOTES} more nodes were left out"


def test_a_job_is_recorded_without_it_and_a_batch_too(client: TestClient, messenger: Messenger) -> None:
    publish(messenger, object_info(classes=CLASSES))
    url, body = "/api/v1/generation-jobs/", {"workflow": {**SAVED, "7": node("PreviewImage")}}
    answer = client.post(url, json=body)
    assert answer.status_code == 201, answer.text
    assert answer.json()["workflow"] == SAVED
    assert "workflow.7 (PreviewImage) was left out" in answer.json()["notes"][0]
    planned = client.post(f"{url}validate", json=body).json()
    assert (planned["job"]["workflow"], planned["notes"]) == (SAVED, answer.json()["notes"])
    (job,) = client.post(f"{url}bulk", json={"jobs": [body]}).json()["jobs"]
    assert (job["workflow"], job["notes"]) == (SAVED, answer.json()["notes"])


def test_a_node_that_some_server_replaces_gets_the_title_that_it_stumbles_over(
    client: TestClient, messenger: Messenger
) -> None:
    publish(messenger, INFO, replacements=SAID)
    titled = {**node("ResizeImagesByLongerEdge", images=["1", 0], longer_edge=8), "_meta": {"title": "mine"}}
    graph = {
        **SAVED,
        "2": node("ResizeImagesByLongerEdge", images=["1", 0], longer_edge=8),
        "3": {**node("ResizeImagesByLongerEdge", images=["2", 0], longer_edge=8), "_meta": None},
        "4": titled,
        "9": node("SaveImage", images=["3", 0], filename_prefix="x"),
    }
    answer = client.post("/api/v1/generation-jobs/", json={"workflow": graph})
    assert answer.status_code == 201, answer.text
    kept = answer.json()["workflow"]
    assert [kept[name].get("_meta") for name in "1234"] == [
        None,
        {"title": "ResizeImagesByLongerEdge"},
        {"title": "ResizeImagesByLongerEdge"},
        {"title": "mine"},
    ]


def test_a_node_that_is_left_out_cannot_be_asked_for_its_outputs(client: TestClient, messenger: Messenger) -> None:
    publish(messenger, object_info(classes=CLASSES))
    graph = {**SAVED, "7": node("PreviewImage")}
    answer = client.post("/api/v1/generation-jobs/", json={"workflow": graph, "outputs": ["9", "7"]})
    assert answer.status_code == 422
    assert [(error["field"], error["code"]) for error in answer.json()["errors"]] == [("outputs[1]", "node_left_out")]

"""A raw workflow is refused for what makes it no graph; all that would end a server's worker thread among it."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from shared.workflows.links import graph_faults, needed_for, sources_of
from shared.workflows.shape import MOST_NODES
from tests.simulator.recordings import DATA


def node(class_type: str = "ImageInvert", **inputs: Any) -> dict[str, Any]:
    return {"class_type": class_type, "inputs": inputs}


GOOD = {"1": node("EmptyImage", width=64), "2": node(image=["1", 0]), "9": node("SaveImage", images=["2", 0])}


def faults(workflow: dict[str, Any]) -> list[tuple[str | None, str | None, str]]:
    found = graph_faults(workflow)
    assert all(fault.message for fault in found)
    return [(fault.node_id, fault.field, fault.code) for fault in found]


def test_a_graph_has_no_faults() -> None:
    assert faults(GOOD) == []


def test_two_ways_to_one_node_are_no_cycle() -> None:
    assert faults({**GOOD, "3": node("ImageBatch", image1=["1", 0], image2=["2", 0]), "4": node(image=["3", 0])}) == []


@pytest.mark.parametrize(
    ("workflow", "expected"),
    [
        ({}, (None, None, "empty_workflow")),
        ({"last_node_id": 1, "nodes": [{"id": 1, "type": "SaveImage"}], "links": []}, (None, None, "ui_format")),
        ({**GOOD, "3": {"inputs": {}}}, ("3", "class_type", "missing_class_type")),
        ({**GOOD, "3": {"class_type": 5, "inputs": {}}}, ("3", "class_type", "missing_class_type")),
        ({**GOOD, "3": {"class_type": "ImageInvert"}}, ("3", "inputs", "missing_inputs")),
        ({**GOOD, "3": {"class_type": "ImageInvert", "inputs": []}}, ("3", "inputs", "missing_inputs")),
        ({**GOOD, "3": None}, ("3", None, "not_a_node")),
        ({**GOOD, "3": "ImageInvert"}, ("3", None, "not_a_node")),
        ({**GOOD, "3": node(image=["77", 0])}, ("3", "inputs.image", "dangling_link")),
        ({**GOOD, "3": node(whatever=["77", 1.5])}, ("3", "inputs.whatever", "dangling_link")),
        ({**GOOD, "3": node(list={"__value__": ["77", 0]})}, ("3", "inputs.list", "dangling_link")),
        ({**GOOD, "3": node(image=["1", -1])}, ("3", "inputs.image", "bad_linked_input")),
        ({**GOOD, "3": node(image=["1", 0.5])}, ("3", "inputs.image", "bad_linked_input")),
        ({**GOOD, "3": node(image=["1", True])}, ("3", "inputs.image", "bad_linked_input")),
        ({**GOOD, "3": node(image=["3", 0])}, ("3", None, "cycle")),
    ],
)
def test_each_fault_names_its_node_and_its_field(
    workflow: dict[str, Any], expected: tuple[str | None, str | None, str]
) -> None:
    assert faults(workflow) == [expected]


@pytest.mark.parametrize("value", [["a", "b"], [1, 0], ["1"], ["1", 0, 0], [["1", 0]], {"a": ["77", 0]}, "77", None])
def test_what_is_not_shaped_like_a_link_is_a_value(value: Any) -> None:
    assert faults({**GOOD, "3": node(value=value)}) == []


def test_a_cycle_is_shown_from_node_to_node_and_nothing_beside_it() -> None:
    cycle = {"a": node(image=["c", 0]), "b": node(image=["a", 0]), "c": node(x=["1", 0], image=["b", 0])}
    (fault,) = graph_faults({**GOOD, **cycle, "after": node(image=["a", 0])})
    assert fault.code == "cycle"
    assert fault.message.endswith(": a -> c -> b -> a")


def test_all_faults_are_found_at_once() -> None:
    workflow = {"1": node(a=["7", 0], b=["8", 0]), "2": node(c=["9", 0])}
    assert [field for _, field, _ in faults(workflow)] == ["inputs.a", "inputs.b", "inputs.c"]


def test_a_chain_of_the_most_nodes_is_looked_through() -> None:
    length = MOST_NODES
    chain = {"0": node("EmptyImage")} | {str(number): node(image=[str(number - 1), 0]) for number in range(1, length)}
    assert faults(chain) == []
    assert len(needed_for(chain, [str(length - 1)])) == length
    assert faults({**chain, "0": node(image=[str(length - 1), 0])}) == [("0", None, "cycle")]


def test_a_link_to_a_node_that_is_not_there_leads_nowhere() -> None:
    assert needed_for({"1": node(image=["77", 0])}, ["1"]) == ["1"]


@pytest.mark.parametrize("slot", [0, 1.5, True])
@pytest.mark.parametrize("wrap", [lambda link: link, lambda link: {"__value__": link}])
def test_a_link_is_what_comfyui_takes_for_one(slot: Any, wrap: Callable[[Any], Any]) -> None:
    assert sources_of({"1": node(), "2": node(image=wrap(["1", slot]))}) == {"1": [], "2": ["1"]}


def test_what_an_output_needs_is_what_it_links_to() -> None:
    assert needed_for({**GOOD, "3": node(image=["1", 0])}, ["9"]) == ["1", "2", "9"]


def recorded_poison() -> dict[str, tuple[dict[str, Any], bool]]:
    """The prompts that were sent to a real server to see what becomes of it, and whether it survived each."""
    prompts: dict[str, tuple[dict[str, Any], bool]] = {}
    sent: dict[str, Any] = {}
    for line in (DATA / "0.8" / "ws" / "25_poison_prompts.jsonl").read_text().splitlines():
        entry = json.loads(line)
        note, body = entry.get("note") or "", entry.get("request", {}).get("json")
        if isinstance(body, dict) and "prompt" in body and note != "probe job":
            sent[note] = body
        elif note.startswith("{") and (verdict := json.loads(note))["variant"] in sent:
            body = sent[verdict["variant"]]
            prompts[verdict["variant"]] = body, verdict["worker_alive_after"] is True
    return prompts


def test_every_workflow_that_ended_a_real_server_is_refused() -> None:
    deadly = {name: body for name, (body, survived) in recorded_poison().items() if not survived}
    by_workflow = {name: body["prompt"] for name, body in deadly.items() if body.keys() == {"prompt"}}
    assert by_workflow.keys() == {
        "dangling_node_without_inputs_key",
        "unknown_input_that_looks_like_link_to_missing_node",
    }
    assert all(graph_faults(workflow) for workflow in by_workflow.values())
    # What else ended it is not in the workflow, and not in the hands of clients.
    assert all("client_id" in body for name, body in deadly.items() if name not in by_workflow)

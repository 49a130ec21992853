"""One process can speak as either ComfyUI; what differs is what the recordings say."""

import uuid

import pytest

from tests.simulator.graphs import node, noise, past, run
from tests.simulator.running import RunningSimulator

pytestmark = pytest.mark.system

REFUSED = "prompt_id must be a valid UUID"


def test_the_protocol_can_be_changed_while_it_runs_and_a_reset_takes_it_back(simulator: RunningSimulator) -> None:
    simulator.speak("0.33")
    refused = simulator.http.post("/prompt", json={"prompt": noise(), "prompt_id": "a-word"})
    version = simulator.http.get("/system_stats").json()["system"]["comfyui_version"]
    simulator.reset()

    assert (refused.status_code, refused.json()["error"]["message"], version) == (400, REFUSED, "0.33.0")
    assert simulator.http.post("/prompt", json={"prompt": noise(), "prompt_id": "a-word"}).status_code == 200


def test_a_newer_one_runs_classes_that_it_lacks_as_others_and_stumbles_over_one_without_a_title(
    simulator: RunningSimulator,
) -> None:
    old = node("SimulatedOldSeed", first_seed=7)
    titled = {**old, "_meta": {"title": "mine"}}
    unknown = simulator.http.post("/prompt", json={"prompt": {"1": titled}})
    simulator.speak("0.33")
    said = simulator.http.get("/node_replacements").json()
    prompt_id = str(uuid.uuid4())
    run(simulator, prompt_id, {"1": titled})
    shown = past(simulator, prompt_id)["outputs"]["1"]
    untitled = simulator.http.post("/prompt", json={"prompt": {"1": old}})
    simulator.reset()

    assert unknown.status_code == 400
    assert said["SimulatedOldSeed"][0]["new_node_id"] == "SimulatedSeed"
    assert shown == {"text": ["7 -1"]}
    assert untitled.status_code == 500
    assert simulator.http.get("/node_replacements").status_code == 404


@pytest.mark.parametrize("name", ["0.9", None, 33])
def test_an_unknown_protocol_is_refused_in_words(simulator: RunningSimulator, name: object) -> None:
    answer = simulator.http.post("/simulator/protocol", json={"name": name})

    assert answer.status_code == 400
    assert answer.json()["error"] == f"unknown protocol {name!r}: one of 0.8, 0.33"


@pytest.mark.parametrize(("protocol", "status"), [("0.8", 405), ("0.33", 200)])
def test_jobs_are_cancelled_by_newer_versions_only(simulator: RunningSimulator, protocol: str, status: int) -> None:
    simulator.speak(protocol)

    assert simulator.http.post(f"/api/jobs/{uuid.uuid4()}/cancel").status_code == status


def test_a_saving_node_of_newer_versions_gives_what_it_saves(newer_simulator: RunningSimulator) -> None:
    graph = noise() | {"10": node("SaveImage", images=["9", 0], filename_prefix="again")}

    assert run(newer_simulator, str(uuid.uuid4()), graph).outcomes == ["success"]

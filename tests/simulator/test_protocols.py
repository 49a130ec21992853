"""One process can speak as either ComfyUI; what differs is what the recordings say."""

import uuid

import pytest

from tests.simulator.graphs import node, noise, run
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

"""The control surface says what is wrong with a request, what is armed, and what was really done."""

from typing import Any

import pytest

from tests.simulator.graphs import noise, past, run, submit, txt2img
from tests.simulator.listening import Closed, listening
from tests.simulator.running import RunningSimulator

pytestmark = [pytest.mark.system, pytest.mark.landing]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"kind": "flood"}, "unknown fault 'flood': one of die, stall"),
        ({}, "unknown fault None"),
        ({"kind": "stall", "speed": 3}, "stall has no field 'speed': it takes at, prompt_id, node, step, times"),
        ({"kind": "die", "code": "x"}, "die.code must be int, not 'x'"),
        ({"kind": "die", "code": True}, "die.code must be int, not True"),
        ({"kind": "stall", "step": 0}, "stall.step must be at least 1, not 0"),
        ({"kind": "stall", "at": "dawn"}, "stall.at must be one of take, taken"),
        ({"kind": "half_file", "how": "badly"}, "half_file.how must be one of short, broken, truncate, not 'badly'"),
        ({"kind": "latency", "seconds": -1}, "latency.seconds must be at least 0, not -1"),
        ({"kind": "stall", "times": 0}, "times must be a whole number above zero"),
        ([], "the body must be a JSON object"),
    ],
)
def test_a_bad_fault_is_refused_in_words(simulator: RunningSimulator, body: Any, words: str) -> None:
    answer = simulator.http.post("/simulator/faults", json=body)

    assert answer.status_code == 400
    assert words in answer.json()["error"]
    assert simulator.http.get("/simulator/faults").json() == {"faults": []}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"speed": 1}, "unknown duration 'speed': one of step_seconds"),
        ({"step_seconds": -1}, "step_seconds must be a number of seconds, zero or more, not -1"),
        ({"step_seconds": "fast"}, "step_seconds must be a number of seconds"),
        ({"step_seconds": None}, "step_seconds must be a number of seconds"),
    ],
)
def test_a_bad_pace_is_refused_in_words(simulator: RunningSimulator, body: dict[str, Any], words: str) -> None:
    answer = simulator.http.post("/simulator/pace", json=body)

    assert answer.status_code == 400
    assert words in answer.json()["error"]


def test_armed_faults_are_listed_and_taken_back_one_by_one(simulator: RunningSimulator) -> None:
    first, second = simulator.fault("missing_file"), simulator.fault("stall", step=2, times=3)
    first.clear()

    assert simulator.http.get("/simulator/faults").json()["faults"] == [
        {
            "id": second.number,
            "kind": "stall",
            "times": 3,
            "struck": 0,
            "at": "step",
            "prompt_id": None,
            "node": None,
            "step": 2,
        }
    ]


def test_waiting_for_a_fault_ends_when_it_does_not_strike(simulator: RunningSimulator) -> None:
    fault = simulator.fault("stall")

    assert simulator.http.get(f"/simulator/faults/{fault.number}", params={"within": 0.01}).status_code == 408
    assert simulator.http.get("/simulator/faults/999999").status_code == 404


def test_waiting_for_a_prompt_ends_when_it_does_not_finish(simulator: RunningSimulator) -> None:
    answer = simulator.http.get("/simulator/executions", params={"prompt_id": "never", "within": 0.01})

    assert (answer.status_code, answer.json()) == (408, {"error": "prompt 'never' has not finished"})


def test_executions_are_counted_per_prompt_id(simulator: RunningSimulator) -> None:
    run(simulator, "twice", noise(prefix="a"), client_id="c")
    submit(simulator, "twice", noise(prefix="b"), client_id="c")
    counted = simulator.wait_finished("twice", times=2)

    assert (counted.accepted, counted.started, counted.finished) == (2, 2, 2)
    assert counted.outcomes == ["success", "success"]
    assert counted.nodes == ["1", "2", "9", "2", "9"]  # The first node was cached the second time.
    assert counted.filename_prefixes == ["a", "b"]
    assert counted.client_id == "c"


def test_a_refused_prompt_is_not_counted(simulator: RunningSimulator) -> None:
    simulator.http.post("/prompt", json={"prompt": {}, "prompt_id": "refused"})

    assert "refused" not in simulator.executions()


def test_what_was_done_is_remembered_over_a_kill(simulator: RunningSimulator) -> None:
    run(simulator, "before", noise())
    simulator.kill()
    simulator.restart()
    run(simulator, "after", noise())

    assert {name: counted.finished for name, counted in simulator.executions().items()} == {"before": 1, "after": 1}


def test_a_reset_leaves_nothing_behind(simulator: RunningSimulator) -> None:
    run(simulator, "old", noise())
    simulator.pace(step_seconds=600)
    simulator.fault("latency", seconds=0)
    submit(simulator, "running", txt2img())
    submit(simulator, "waiting", txt2img())
    with listening(simulator, "c") as listener:
        listener.until("status", sid="c")
        simulator.reset()
        while listener.next() != Closed(1006):
            pass

    assert simulator.executions() == {}
    assert simulator.http.get("/simulator/faults").json() == {"faults": []}
    assert list(simulator.output_directory.iterdir()) == []
    assert simulator.http.get("/queue").json() == {"queue_running": [], "queue_pending": []}
    assert simulator.http.post("/prompt", json={"prompt": txt2img(), "prompt_id": "new"}).json()["number"] == 0
    assert simulator.wait_finished("new").outcomes == ["success"]
    assert past(simulator, "old") is None
    assert past(simulator, "new")["status"]["messages"][1][1]["nodes"] == []

"""What ComfyUI 0.33 answered, the simulator answers when it speaks as that version."""

from typing import Any

import pytest

from tests.simulator.comparison import DifferenceError, Likeness
from tests.simulator.recordings import document, exchanges
from tests.simulator.running import ArmedFault, RunningSimulator
from tests.simulator.test_http_recordings import replay

pytestmark = pytest.mark.system

# Of a class's description, what a client needs to fill in a graph.
COMPARED = ("output", "output_is_list", "output_name", "output_node", "name", "is_input_list")
OF_THE_EDITOR = frozenset({"advanced", "tooltip", "display_name"})
# Not modelled: inputs that appear when another one has a certain value. And the recorded pack had other choices.
SIXTH = "0a1b2c3d-0000-4000-8000-000000000006"
OTHER_INPUTS = frozenset({"SaveVideo", "CreateVideo", "SimulatedRaise", "SimulatedShow", "SimulatedProgress"})


def test_prompt_ids_are_taken_and_refused_as_recorded(newer_simulator: RunningSimulator) -> None:
    replay_all(newer_simulator, "prompt_ids")


def test_refused_prompts_are_answered_as_recorded(newer_simulator: RunningSimulator) -> None:
    replay_all(newer_simulator, "prompt_failures")


def test_accepted_prompts_are_answered_as_recorded(newer_simulator: RunningSimulator) -> None:
    held = newer_simulator.fault("stall", at="taken", prompt_id=SIXTH)  # The last four were sent at once.
    replay_all(newer_simulator, "prompt_success", held=held)


def test_listings_are_answered_as_recorded(newer_simulator: RunningSimulator) -> None:
    prompt = exchanges("0.33/http/prompt_success")[0]["request"]["json"]
    newer_simulator.http.post("/prompt", json=prompt)
    newer_simulator.wait_finished(prompt["prompt_id"])
    for exchange in exchanges("0.33/http/misc"):
        answered = newer_simulator.http.request(exchange["request"]["method"], exchange["request"]["path"])
        path, recorded = exchange["request"]["path"], exchange["response"]
        if path == "/models":
            assert set(answered.json()) == set(recorded["body"]["json"])
        elif path == "/system_stats":
            assert answered.json().keys() == recorded["body"]["json"].keys()
            assert answered.json()["system"].keys() == recorded["body"]["json"]["system"].keys()
            assert answered.json()["system"]["comfyui_version"] == "0.33.0"
        elif path.startswith("/object_info/Save"):
            check_class(recorded["body"]["json"]["SaveImage"], answered.json()["SaveImage"])
        elif path.startswith("/view"):
            assert answered.status_code == recorded["status"], exchange["note"]
        else:
            replay(newer_simulator, Likeness(), exchange)


def test_every_node_class_takes_and_gives_what_was_recorded(newer_simulator: RunningSimulator) -> None:
    recorded = document("0.33/http/object_info") | document("0.33/http/object_info_of_inputs")
    answered = newer_simulator.http.get("/object_info").json()
    answered = {name: page for name, page in answered.items() if not name.startswith("ETN_")}  # which it had not

    assert recorded.keys() == answered.keys()
    for name, page in recorded.items():
        check_class(page, answered[name])


def replay_all(simulator: RunningSimulator, name: str, held: ArmedFault | None = None) -> None:
    """Where a prompt is held, all of them are waited for together, before something else than a prompt is sent."""
    likeness = Likeness()
    waited_for: list[str] = []
    for exchange in exchanges(f"0.33/http/{name}"):
        if held is not None and exchange["request"]["path"] != "/prompt":
            held.clear()
            for prompt_id in waited_for:
                simulator.wait_finished(prompt_id)
            held = None
        response = replay(simulator, likeness, exchange)
        if (exchange["request"]["method"], exchange["request"]["path"]) == (
            "POST",
            "/prompt",
        ) and response.status_code == 200:
            waited_for.append(response.json()["prompt_id"])
            if held is None or waited_for[-1] < SIXTH:
                simulator.wait_finished(waited_for[-1])
            elif waited_for[-1] == SIXTH:
                held.wait_until_struck()


def check_class(recorded: dict[str, Any], answered: dict[str, Any]) -> None:
    try:
        Likeness().check(_compared(recorded), _compared(answered))
    except DifferenceError as error:
        raise AssertionError(f"{recorded['name']}{error}") from error


def _compared(page: dict[str, Any]) -> dict[str, Any]:
    inputs = {} if page["name"] in OTHER_INPUTS else _with_options(page["input"])
    return {**{part: _plain(page[part]) for part in COMPARED}, "input": _plain(inputs)}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items() if name not in OF_THE_EDITOR}
    return [_plain(part) for part in value] if isinstance(value, list) else value


def _with_options(inputs: dict[str, Any]) -> dict[str, Any]:
    """An input without options and one with none of them are the same."""
    return {
        part: {name: [*spec, {}][:2] if isinstance(spec, list) else spec for name, spec in specs.items()}
        for part, specs in inputs.items()
    }

"""Each troublesome node does with both versions what it is named for."""

import math
import uuid
from typing import Any

import pytest

from tests.simulator.graphs import node, noise, past, run, submit
from tests.simulator.listening import Binary, listening
from tests.simulator.running import RunningSimulator, eventually

pytestmark = [pytest.mark.system, pytest.mark.landing]

PROTOCOLS = ["0.8", "0.33"]
DEADLY = ("surrogate", "system_exit", "keyboard_interrupt", "base_exception", "unprintable")


@pytest.fixture(params=PROTOCOLS)
def either(request: pytest.FixtureRequest, simulator: RunningSimulator) -> RunningSimulator:
    simulator.speak(request.param)
    return simulator


def shown(simulator: RunningSimulator, what: str, **inputs: Any) -> Any:
    """What the history lists for a node that shows that."""
    prompt_id = str(uuid.uuid4())
    run(simulator, prompt_id, {"1": node("SimulatedShow", what=what, prefix="shown", megabytes=1, **inputs)})
    return past(simulator, prompt_id)["outputs"].get("1")


@pytest.mark.parametrize("what", DEADLY)
def test_some_errors_cost_the_worker_and_leave_the_prompt_running(either: RunningSimulator, what: str) -> None:
    culprit = submit(either, str(uuid.uuid4()), {"1": node("SimulatedRaise", what=what, megabytes=0)})
    eventually(lambda: not either.worker_alive)
    waiting = submit(either, str(uuid.uuid4()), noise())

    queue = either.http.get("/queue").json()
    assert [row[1] for row in queue["queue_running"]] == [culprit]
    assert [row[1] for row in queue["queue_pending"]] == [waiting]
    assert past(either, culprit) is None


@pytest.mark.parametrize(
    ("what", "message", "kind"),
    [
        ("nul", "before\x00after\n", "ValueError"),
        ("empty_message", "\n", "ValueError"),
        ("told_surrogate", "\ud800\n", "ValueError"),
    ],
)
def test_other_errors_are_told_as_they_are(either: RunningSimulator, what: str, message: str, kind: str) -> None:
    prompt_id = str(uuid.uuid4())
    run(either, prompt_id, {"1": node("SimulatedRaise", what=what, megabytes=0)})
    event, facts = past(either, prompt_id)["status"]["messages"][-1]

    assert (event, facts["exception_message"], facts["exception_type"]) == ("execution_error", message, kind)


@pytest.mark.parametrize("what", ["huge_message", "many_letters"])
def test_a_message_is_as_long_as_it_was_asked_to_be(either: RunningSimulator, what: str) -> None:
    prompt_id = str(uuid.uuid4())
    run(either, prompt_id, {"1": node("SimulatedRaise", what=what, megabytes=2)})
    _, facts = past(either, prompt_id)["status"]["messages"][-1]

    assert len(facts["exception_message"]) == pytest.approx(2 << 20, abs=8)


def test_files_are_listed_nested_missing_and_empty(either: RunningSimulator) -> None:
    nested = shown(either, "nested_files")["files"][0]
    missing = shown(either, "missing_file")["images"][0]
    shown(either, "empty_glb")

    assert [file["filename"] for file in nested] == ["shown_a.txt", "shown_b.txt"]
    assert either.http.get("/view", params=nested[0]).content == b"a"
    assert either.http.get("/view", params=missing).status_code == 404
    assert either.http.get("/view", params={"filename": "shown.glb"}).content == b""


def test_a_caption_may_be_no_utf8(either: RunningSimulator) -> None:
    file = shown(either, "cp1252_text")["files"][0]

    assert either.http.get("/view", params=file).content == b"caf\xe9 \x96 na\xefve"


def test_progress_may_be_no_number(either: RunningSimulator) -> None:
    with listening(either, "c") as listener:
        graph = {"1": node("SimulatedProgress", what="nan", times=1)}
        submit(either, str(uuid.uuid4()), graph, client_id="c")
        _, facts = listener.until("progress")[-1]

    assert math.isnan(facts["value"])


def test_frames_are_as_large_as_they_were_asked_to_be(either: RunningSimulator) -> None:
    with listening(either, "c") as listener:
        graph = {"1": node("SimulatedFrames", what="binary", megabytes=3, times=2)}
        submit(either, str(uuid.uuid4()), graph, client_id="c")
        frames: list[Binary] = []
        while len(frames) < 2:
            frame = listener.next()
            if isinstance(frame, Binary):
                frames.append(frame)

    assert [(frame.event, frame.image_type, len(frame.image)) for frame in frames] == [(1, 2, 3 << 20)] * 2


def test_a_node_may_heed_no_interrupt(either: RunningSimulator) -> None:
    prompt_id = str(uuid.uuid4())
    with listening(either, "c") as listener:
        graph = {"1": node("SimulatedWait", steps=1, seconds=0.3, heeds=False)}
        submit(either, prompt_id, graph, client_id="c")
        listener.until("executing")
        either.http.post("/interrupt", json={})

    assert either.wait_finished(prompt_id).outcomes == ["success"]


def test_a_node_id_may_be_longer_than_a_column(either: RunningSimulator) -> None:
    prompt_id, node_id = str(uuid.uuid4()), "n" * 300
    run(either, prompt_id, {node_id: node("SimulatedShow", what="tags", prefix="x", megabytes=0)})

    assert past(either, prompt_id)["outputs"] == {node_id: {"tags": ["1girl, solo"]}}


def test_a_key_is_shown_only_in_the_error_of_a_node_that_was_given_it(either: RunningSimulator) -> None:
    waits = {"1": node("SimulatedWait", steps=1, seconds=3600, heeds=True)}
    extra_data = {"api_key_comfy_org": "hunter2"}
    submit(either, str(uuid.uuid4()), waits, extra_data=extra_data)
    prompt_id = submit(either, str(uuid.uuid4()), {"1": node("SimulatedKey", how="raise")}, extra_data=extra_data)
    eventually(lambda: either.http.get("/queue").json()["queue_running"])
    queue = either.http.get("/queue")
    assert prompt_id in queue.text
    assert "hunter2" not in queue.text
    either.http.post("/interrupt")
    either.wait_finished(prompt_id)
    entry = past(either, prompt_id)
    assert "hunter2" not in str(entry["prompt"])
    kind, error = entry["status"]["messages"][-1]
    assert (kind, error["exception_message"]) == ("execution_error", "bad key: hunter2 None!\n")
    assert error["current_inputs"] == {
        "how": ["raise"],
        "auth_token_comfy_org": [None],
        "api_key_comfy_org": ["hunter2"],
    }

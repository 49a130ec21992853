"""Frames of the real server, as recorded, mean what they should; anything else means nothing."""

import json
import struct
from typing import Any

import pytest

from tests.simulator import recordings
from worker_service.comfyui.frames import Cached, Ended, Frame, NodeStates, Preview, read_frame


def frames_of(name: str, socket: str = "ws:A") -> list[str]:
    """The text frames that one socket of a recording received."""
    return [
        json.dumps(event["text"])
        for event in recordings.events(name)
        if event.get("src") == socket and "text" in event and event.get("dir") != "client->server"
    ]


def prompt_ids(name: str) -> list[str]:
    answers = [event["response"]["body"].get("json") for event in recordings.events(name) if "response" in event]
    return [answer["prompt_id"] for answer in answers if isinstance(answer, dict) and "prompt_id" in answer]


def meanings(name: str, prompt_id: str, socket: str = "ws:A") -> list[Frame]:
    found = (read_frame(frame, {prompt_id}) for frame in frames_of(name, socket))
    return [frame for told_of, frame in filter(None, found) if told_of == prompt_id]


def test_a_job_goes_from_its_cache_over_its_nodes_to_its_end() -> None:
    (prompt_id,) = prompt_ids("0.8/ws/01_success_model_free")
    found = meanings("0.8/ws/01_success_model_free", prompt_id)
    assert found[0] == Cached([])
    assert found[1] == NodeStates({"1": (0.0, 1.0, "running")})
    assert [frame for frame in found if isinstance(frame, Ended)] == [Ended(is_written=False), Ended(is_written=True)]
    last = next(frame for frame in reversed(found) if isinstance(frame, NodeStates))
    assert {state for _, _, state in last.nodes.values()} == {"finished"}


def test_sampler_steps_are_told() -> None:
    (prompt_id,) = prompt_ids("0.8/ws/03_success_t2i_warm_new_seed")
    states = [
        frame for frame in meanings("0.8/ws/03_success_t2i_warm_new_seed", prompt_id) if isinstance(frame, NodeStates)
    ]
    assert {frame.nodes["3"] for frame in states if "3" in frame.nodes} >= {
        (1.0, 3.0, "running"),
        (2.0, 3.0, "running"),
    }


@pytest.mark.parametrize("name", ["0.8/ws/07_error_mid_run", "0.8/ws/09_interrupt_prompt_id", "0.8/ws/13_fully_cached"])
def test_errors_interrupts_and_cached_jobs_end_too(name: str) -> None:
    assert Ended(is_written=True) in meanings(name, prompt_ids(name)[0])


def test_another_clients_job_means_nothing() -> None:
    first, *_ = prompt_ids("0.8/ws/14_two_clients")
    assert meanings("0.8/ws/14_two_clients", "some other prompt") == []
    assert meanings("0.8/ws/14_two_clients", first, socket="ws:B") == []


@pytest.mark.parametrize("name", ["0.8/ws/15_job_without_client_id", "0.8/ws/09_interrupt_no_client_id"])
def test_what_is_told_to_everybody_of_a_job_without_a_client_means_nothing(name: str) -> None:
    told = frames_of(name)
    assert any(json.loads(frame)["type"] == "progress_state" for frame in told)
    assert meanings(name, "ours") == []


def test_the_executing_of_a_reconnect_names_no_prompt_and_means_nothing() -> None:
    frame = json.dumps({"type": "executing", "data": {"node": "3"}})
    assert frame in frames_of("0.8/ws/17_reconnect_mid_run", "ws:A2")
    assert read_frame(frame, set(prompt_ids("0.8/ws/17_reconnect_mid_run"))) is None


def test_a_preview_with_metadata_is_a_picture_of_its_prompt() -> None:
    metadata = json.dumps({"prompt_id": "p", "image_type": "image/jpeg"}).encode()
    frame = struct.pack(">II", 4, len(metadata)) + metadata + b"\xff\xd8picture"
    assert read_frame(frame, {"another", "p"}) == ("p", Preview("image/jpeg", b"\xff\xd8picture"))
    assert read_frame(frame, {"another"}) is None


def test_a_preview_that_does_not_say_whose_it_is_is_nobodys() -> None:
    assert read_frame(struct.pack(">II", 1, 1) + b"\xff\xd8picture", {"p"}) is None


@pytest.mark.parametrize(
    "frame",
    [
        "",
        "hello",
        "[]",
        "null",
        "{}",
        '{"type": "executing"}',
        '{"type": "executing", "data": null}',
        '{"type": "progress_state", "data": {"prompt_id": "p", "nodes": {"1": {}}}}',
        '{"type": "progress_state", "data": {"prompt_id": "p", "nodes": {"1": {"value": "x", "max": 1, "state": 1}}}}',
        '{"type": "execution_cached", "data": {"prompt_id": "p"}}',
        '{"type": "execution_success", "data": {"prompt_id": ["p"]}}',
        '{"type": "execution_success", "data": {"prompt_id": null}}',
        b"",
        b"\0\0\0\4",
        struct.pack(">II", 4, 1_000_000) + b"{}",
        struct.pack(">II", 4, 2) + b"[]",
        struct.pack(">II", 4, 2) + b"\xff\xff",
    ],
)
def test_what_is_not_understood_means_nothing(frame: Any) -> None:
    assert read_frame(frame, {"p"}) is None


def states(value: str, most: str = "10") -> NodeStates:
    frame = (
        '{"type": "progress_state", "data": {"prompt_id": "p", "nodes": {"1": {"value": %s, "max": %s, "state": "r"}}}}'
    )
    found = read_frame(frame % (value, most), {"p"})
    assert found is not None
    assert isinstance(found[1], NodeStates)
    return found[1]


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "null", "1e999", "1e300", "9" * 400, "1" + "0" * 30])
def test_a_count_that_is_none_leaves_its_node_at_work(value: str) -> None:
    assert states(value).nodes == {"1": (0.0, 10.0, "r")}
    assert states("1", value).nodes == {"1": (1.0, 0.0, "r")}


def test_one_node_that_is_not_understood_hides_no_other() -> None:
    nodes = {"1": {"value": 1, "max": 2, "state": "running"}, "2": 5, "x" * 1000: {"value": 1, "max": 1, "state": "s"}}
    frame = json.dumps({"type": "progress_state", "data": {"prompt_id": "p", "nodes": nodes}})
    assert read_frame(frame, {"p"}) == ("p", NodeStates({"1": (1.0, 2.0, "running"), "x" * 255: (1.0, 1.0, "s")}))


@pytest.mark.parametrize("frame", ["[" * 100_000, '{"type": "x", "data": ' + "[" * 900 + "]" * 900 + "}", "9" * 10_000])
def test_a_frame_that_is_deep_or_large_means_nothing(frame: str) -> None:
    assert read_frame(frame, {"p"}) is None


@pytest.mark.parametrize(
    "kind", ["status", "execution_start", "execution_cached", "executing", "executed", "progress", "progress_state"]
)
def test_a_frame_means_the_same_however_its_json_is_written(kind: str) -> None:
    (prompt_id,) = prompt_ids("0.8/ws/03_success_t2i_warm_new_seed")
    frames = [json.loads(frame) for frame in frames_of("0.8/ws/03_success_t2i_warm_new_seed")]
    of_kind = [frame for frame in frames if frame["type"] == kind]
    assert of_kind
    for frame in of_kind:
        other_way = json.dumps(dict(reversed(frame.items())), separators=(",", ":"))
        assert read_frame(json.dumps(frame), {prompt_id}) == read_frame(other_way, {prompt_id})

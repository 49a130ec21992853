"""Whatever a node shows is found, under any key and at any depth; and what is no result is not taken for one."""

import json
from typing import Any

import pytest
from hypothesis import strategies as st

from tests.hypotheses import given
from tests.simulator import recordings
from worker_service.comfyui.answers import in_history
from worker_service.comfyui.history_outputs import DEEPEST, MANY_NUMBERS, Output, OutputFile, OutputText, Shown, TooDeep
from worker_service.comfyui.output_limits import MOST_TEXTS, Room

A, B = {"filename": "a.txt", "type": "temp"}, {"filename": "b.txt", "subfolder": "s", "type": "output"}


def shown(**keys: Any) -> list[Output]:
    return list(Shown({"1": keys}))


def texts(found: list[Output]) -> list[str]:
    return [one.text for one in found if isinstance(one, OutputText)]


def names(found: list[Output]) -> list[str]:
    return [one.filename for one in found if isinstance(one, OutputFile)]


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"tags": ["1girl, solo"]}, ["1girl, solo"]),
        ({"string": ["a caption", "another"]}, ["a caption", "another"]),
        ({"text": [""]}, [""]),
        ({"number": [3, 2.5]}, ["3", "2.5"]),
        ({"flag": [True, False]}, ["true", "false"]),
        ({"scores": [{"cat": 0.9}, {}]}, ['{"cat": 0.9}']),
        ({"nested": [["one", ["two", 3]]]}, ["one", "two", "3"]),
        ({"text": [None], "images": [], "a": {}, "b": None}, []),
        ({"text": "a bare text", "number": 5, "scores": {"cat": 0.9}}, ["a bare text", "5", '{"cat": 0.9}']),
        ({"text": list("taken apart")}, ["taken apart"]),
        ({"text": ["x"]}, ["x"]),
        ({"page": [{"picture": A, "caption": "a cat"}]}, ["a cat"]),
    ],
    ids=str,
)
def test_texts_and_numbers_are_outputs_under_any_key(keys: dict[str, Any], expected: list[str]) -> None:
    assert texts(shown(**keys)) == expected


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"anything": [A, B]}, ["a.txt", "b.txt"]),
        ({"files": [[A, B]]}, ["a.txt", "b.txt"]),
        ({"result": [{"pages": {"first": A, "second": [[B]]}}]}, ["a.txt", "b.txt"]),
        ({"file": A}, ["a.txt"]),
        ({"gifs": [{**A, "format": "video/mp4", "workflow": {"filename": "x"}, "frame_rate": 8.0}]}, ["a.txt"]),
        ({"images": [{"filename": 5}, {"filename": None}]}, []),
    ],
    ids=str,
)
def test_files_are_found_at_any_depth(keys: dict[str, Any], expected: list[str]) -> None:
    found = shown(**keys)
    assert names(found) == expected
    if expected:
        assert texts(found) == [], "what describes a file is no output"


def test_a_file_is_what_the_history_says_and_an_output_where_it_says_less() -> None:
    assert shown(k=[B, {"filename": "c", "subfolder": None, "type": 5}]) == [
        OutputFile("1", "b.txt", "s", "output", "k"),
        OutputFile("1", "c", "", "5", "k"),
    ]


@pytest.mark.parametrize("key", ["animated", "compositor_state_stale", "input_bboxes"])
def test_what_the_editor_is_told_is_no_result(key: str) -> None:
    found = shown(images=[A], **{key: [True]})
    assert (names(found), texts(found)) == (["a.txt"], [])


def test_many_numbers_in_one_list_are_one_output() -> None:
    numbers = list(range(MANY_NUMBERS))
    assert shown(histogram=numbers) == [OutputText("1", json.dumps(numbers), "histogram", ".json")]
    assert len(shown(histogram=numbers[1:])) == MANY_NUMBERS - 1
    assert len(shown(histogram=[numbers, numbers])) == 2


def test_a_picture_of_the_cache_is_a_file_and_what_only_looks_like_one_is_a_text() -> None:
    picture = {"source": "http", "id": "0a", "content-type": "image/png", "type": "output"}
    odd = [{**picture, **change} for change in ({"source": "websocket"}, {"id": 5}, {"content-type": "text/plain"})]
    found = shown(images=[picture, {**picture, "content-type": "image/jpeg"}, *odd])
    assert names(found) == ["0a.png", "0a.jpg"]
    assert {one.picture_id for one in found if isinstance(one, OutputFile)} == {"0a"}
    assert [type(one) for one in found[2:]] == [OutputText] * 3


def test_a_model_that_is_named_by_a_text_is_a_file() -> None:
    assert shown(result=["3d/box.glb", None, None]) == [
        OutputFile("1", "box.glb", "3d", "output", "result", "3d/box.glb")
    ]
    assert texts(shown(text=["I made you a box.glb"])) == ["I made you a box.glb"]


def test_what_lies_too_deep_is_counted_and_in_an_object_written_whole() -> None:
    deep: Any = "deep"
    for _ in range(DEEPEST + 5):
        deep = [deep]
    assert shown(deep=[deep, "flat"]) == [TooDeep("1", "deep"), OutputText("1", "flat", "deep")]
    assert shown(deep=[{"at": deep}]) == [OutputText("1", json.dumps({"at": deep}), "deep", ".json")]


@pytest.mark.parametrize("odd", [None, 5, "x", [1], {"k": object}], ids=str)
def test_a_node_that_shows_no_object_shows_nothing(odd: Any) -> None:
    assert texts(list(Shown({"1": odd, "2": {"text": ["said"]}}, ["2", "1"])))[:1] == ["said"]


leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.just("box.glb")
names_of_files = st.sampled_from(["filename", "subfolder", "type", "images", "text", "animated", ""])
anything = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names_of_files, inner, max_size=4),
    max_leaves=30,
)


@pytest.mark.broad
@given(st.dictionaries(st.text(max_size=3), anything, max_size=4))
def test_whatever_a_server_says_is_read_without_a_complaint(outputs: dict[str, Any]) -> None:
    for one in Shown(outputs, ["", "a"]):
        match one:
            case OutputFile():
                assert all(isinstance(part, str) for part in one[:5])
            case OutputText():
                assert isinstance(one.text, str)
                assert one.suffix in {".txt", ".json"}


def test_outputs_come_in_the_order_of_the_graph_and_those_of_unknown_nodes_last() -> None:
    outputs = {name: {"text": [f"of {name}"]} for name in ("9.0.1", "b", "a")}
    assert texts(list(Shown(outputs, ["a", "b"]))) == ["of a", "of b", "of 9.0.1"]


def test_more_than_a_job_keeps_is_left_out_and_counted() -> None:
    room = Room()
    found = list(room.within(Shown({"1": {"tags": [f"tag {number}" for number in range(MOST_TEXTS + 5)]}})))
    assert len(found) == MOST_TEXTS
    (warning,) = room.warnings()
    assert (warning.code, warning.message[:17]) == ("outputs_left_out", "left out: 5 texts")


def test_texts_are_bounded_by_their_length_too() -> None:
    room = Room()
    room.characters = 10
    assert texts(list(room.within(Shown({"1": {"text": ["x" * 9, "y" * 2, "z"]}})))) == ["x" * 9, "z"]
    assert len(room.warnings()) == 1


def recorded(name: str) -> dict[str, list[Output]]:
    """What the real server's node showed, by what it was told to show."""
    found = {}
    for event in recordings.events(name):
        if not event.get("request", {}).get("path", "").startswith("/history/"):
            continue
        for prompt_id, entry in event["response"]["body"]["json"].items():
            finished = in_history({prompt_id: entry}, prompt_id)
            assert finished is not None
            found[entry["prompt"][2]["1"]["inputs"]["what"]] = list(finished.outputs)
    return found


def test_what_the_real_server_lists_of_odd_nodes_is_found() -> None:
    found = recorded("0.33/ws/30_odd_outputs")
    expected = {"text_plain": ["plain"], "number": ["3", "2.5"], "boolean": ["true"], "tags": ["1girl, solo"]}
    assert {what: texts(found[what]) for what in expected} == expected
    assert names(found["nested_files"]) == ["nested_files_a.txt", "nested_files_b.txt"]
    assert names(found["deep_files"]) == ["deep_files_deep.txt"]
    assert [len(found[what]) for what in ("no_ui", "empty_ui", "none_value")] == [0, 0, 0]

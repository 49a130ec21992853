"""The real server's answers, as recorded, become what a job needs to know."""

from typing import Any

import pytest

from shared.jobs.errors import NodeFailed, PromptInterrupted
from tests.simulator import recordings
from worker_service.comfyui.answers import (
    Finished,
    Running,
    Waiting,
    error_in,
    in_history,
    in_queue,
    node_errors,
    queue_of,
    refusal,
    version_in,
)
from worker_service.comfyui.history_outputs import OutputFile, OutputText
from worker_service.comfyui.texts.json_text import read_json


def answers(name: str, path: str) -> list[dict[str, Any]]:
    """The JSON answers that a recording has for requests whose path starts so."""
    lines = recordings.events(name) if "/ws/" in name else recordings.exchanges(name)
    return [
        line["response"]["body"]["json"]
        for line in lines
        if line.get("request", {}).get("path", "").startswith(path) and "json" in line["response"]["body"]
    ]


def histories(name: str) -> list[Finished]:
    """Every ended prompt that a recording shows."""
    found = [in_history(history, prompt_id) for history in answers(name, "/history/") for prompt_id in history]
    return [finished for finished in found if finished]


def files(finished: Finished) -> list[OutputFile]:
    return [output for output in finished.outputs if isinstance(output, OutputFile)]


def test_an_empty_history_says_nothing() -> None:
    assert in_history({}, "p") is None
    assert in_history({"another": {}}, "p") is None


def test_a_batch_has_a_file_for_each_picture_in_order() -> None:
    batch = histories("0.8/ws/30_outputs")[0]
    assert [file.filename for file in files(batch)] == [f"b4_0000{n}_.png" for n in (1, 2, 3, 4)]
    assert batch.error is None


def test_files_of_every_kind_are_found() -> None:
    found = [file for finished in histories("0.8/ws/30_outputs") for file in files(finished)]
    suffixes = {file.filename.rpartition(".")[2] for file in found}
    assert suffixes >= {"png", "webp", "webm", "mp4", "flac", "mp3", "latent"}
    assert OutputFile("9", "x_00001_.png", "sub/folder", "output", "images") in found
    assert any(file.type == "temp" for file in found)


def test_a_shown_text_is_an_output() -> None:
    texts = [
        output
        for finished in histories("0.8/ws/30_outputs")
        for output in finished.outputs
        if isinstance(output, OutputText)
    ]
    assert [text.node_id for text in texts] == ["8"]
    assert texts[0].text.startswith("tensor(")


def test_outputs_come_in_the_order_of_the_graph_whatever_ran_first() -> None:
    entry = {
        "prompt": [0, "p", {"a": {}, "b": {}}],
        "outputs": {"b": {"images": [{"filename": "b.png"}]}, "a": {"images": [{"filename": "a.png"}]}},
        "status": {"status_str": "success"},
    }
    finished = in_history({"p": entry}, "p")
    assert finished is not None
    assert [file.filename for file in files(finished)] == ["a.png", "b.png"]


@pytest.mark.parametrize("graph", [{}, [], ["a", ["b"], {"c": 1}, None], "a", {"a": 5}])
def test_outputs_are_found_in_whatever_order_a_server_names_its_nodes(graph: Any) -> None:
    entry = {"prompt": [0, "p", graph], "outputs": {"a": {"text": ["x"]}}, "status": {"status_str": "success"}}
    finished = in_history({"p": entry}, "p")
    assert finished is not None
    assert list(finished.outputs) == [OutputText("a", "x", "text")]


@pytest.mark.parametrize("outputs", [["a"], "a", 5, True, [{"a": {}}]])
def test_outputs_that_are_no_object_are_no_history(outputs: Any) -> None:
    entry = {"prompt": [0, "p", {}], "outputs": outputs, "status": {"status_str": "success"}}
    with pytest.raises(TypeError, match="no object of nodes"):
        in_history({"p": entry}, "p")


def test_a_failed_node_is_named_with_its_class_and_its_words() -> None:
    error = histories("0.8/ws/07_error_mid_run")[0].error
    assert isinstance(error, NodeFailed)
    assert error.details == {"node_id": "30", "node_type": "LoadImage", "exception_type": "PIL.UnidentifiedImageError"}
    assert "cannot identify image file" in str(error)
    assert "Traceback" not in str(error)


def test_an_interrupted_prompt_is_told_from_a_failed_one() -> None:
    error = histories("0.8/ws/09_interrupt_prompt_id")[0].error
    assert isinstance(error, PromptInterrupted)
    assert error.details == {"node_id": "3", "node_type": "KSampler"}


def test_a_prompt_interrupted_in_its_last_node_has_succeeded() -> None:
    endings = [finished.error for finished in histories("0.8/ws/10_interrupt_in_long_single_node")]
    assert None in endings


def test_the_queue_tells_what_runs_from_what_waits() -> None:
    queue = next(answer for answer in answers("0.8/ws/20_same_prompt_id_twice", "/queue") if answer["queue_pending"])
    assert in_queue(queue, queue["queue_running"][0][1]) == Running(), "also where its id waits once more"
    assert in_queue(queue, "dup-1") == Waiting()
    assert in_queue(queue, "unknown") is None


@pytest.mark.parametrize("odd", ["NaN", "1e999", "null", '"first"', "[]", "{}", "1" + "0" * 400, "1" + "0" * 39])
def test_a_prompt_with_a_number_that_is_none_waits_behind_the_others(odd: str) -> None:
    """Whoever can send one to the server may choose it, and two that cannot be compared hid the whole queue."""
    pending = f'[[{odd}, "odd"], [2, "second"], [{odd}, {{"an": "id"}}], [-1.5, "first"]]'
    queue = queue_of(read_json(f'{{"queue_running": [[{odd}, "running"]], "queue_pending": {pending}}}'))
    assert queue.running == ("running",)
    assert queue.pending[:2] == ("first", "second")
    assert set(queue.pending[2:]) == {"odd", "{'an': 'id'}"}


def test_a_prompt_far_below_the_others_is_the_next_one() -> None:
    pending = f'[[1, "second"], [-1e300, "first"], [-{2**64}, "then"], [1e300, "last"]]'
    queue = queue_of(read_json(f'{{"queue_running": [], "queue_pending": {pending}}}'))
    assert queue.pending == ("first", "then", "second", "last")


def refusals() -> list[tuple[str, dict[str, Any]]]:
    return [
        (exchange["note"] or exchange["request"]["path"], exchange["response"]["body"]["json"])
        for exchange in recordings.exchanges("0.8/http/prompt_failures")
        if exchange["request"]["path"] == "/prompt" and exchange["response"]["status"] == 400
    ]


@pytest.mark.parametrize("body", [body for _, body in refusals()], ids=[note for note, _ in refusals()])
def test_every_recorded_refusal_becomes_one_sentence(body: dict[str, Any]) -> None:
    sentence, errors = refusal(body)
    assert sentence.startswith("ComfyUI refused ")
    assert "\n" not in sentence
    assert len(errors) == sum(len(node["errors"]) for node in body["node_errors"].values())
    for error in errors:
        assert error["node_id"] in body["node_errors"]
        assert error["code"]


def test_a_missing_checkpoint_names_node_field_and_what_there_is() -> None:
    note = "checkpoint does not exist (value_not_in_list)"
    sentence, errors = refusal(dict(refusals())[note])
    assert sentence == (
        "ComfyUI refused node 4 (CheckpointLoaderSimple): "
        "Value not in list: ckpt_name: 'nope.safetensors' not in ['random_sd15.safetensors']"
    )
    assert (errors[0]["field"], errors[0]["code"]) == ("ckpt_name", "value_not_in_list")


def test_a_cycle_has_no_node_errors_and_is_refused_all_the_same() -> None:
    sentence, errors = refusal(dict(refusals())["dependency cycle"])
    assert sentence == "ComfyUI refused the workflow: Prompt outputs failed validation"
    assert errors == []


def test_node_errors_of_an_accepted_prompt_are_read_too() -> None:
    accepted = [body for body in answers("0.8/http/prompt_success", "/prompt") if body.get("node_errors")]
    assert node_errors(accepted[0]["node_errors"])[0]["field"] == "filename_prefix"


def test_names_and_words_of_a_failed_node_are_bounded() -> None:
    message = {"node_id": "n" * 9000, "node_type": ["t" * 9000], "exception_message": "m" * 10**6}
    error = error_in({"status_str": "error", "messages": [["execution_error", message]]})
    assert isinstance(error, NodeFailed)
    assert error.details["node_id"] == "n" * 255
    assert len(error.details["node_type"]) == 255
    assert str(error).endswith("m... (991808 more characters)")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"error": "no"},
        {"error": 5, "node_errors": []},
        {"error": {"message": ["x"], "details": {}}, "node_errors": "many"},
        {
            "node_errors": {
                "1": "broken",
                "2": {"errors": None},
                "3": {"errors": ["x", {"message": "m", "extra_info": 5}]},
                "4": {"errors": 5},
                "5": {"errors": True},
                "6": {"errors": {"a": 1}},
            }
        },
    ],
)
def test_a_refusal_of_any_shape_becomes_a_sentence(body: dict[str, Any]) -> None:
    assert refusal(body)[0].startswith("ComfyUI refused ")


@pytest.mark.parametrize(
    ("stats", "version"),
    [
        ({}, "unknown"),
        ({"system": []}, "unknown"),
        ({"system": {"comfyui_version": "0.33.0"}}, "0.33.0"),
        ({"system": {"comfyui_version": None}}, "None"),
        ({"system": {"comfyui_version": "9" * 1000}}, "9" * 64),
    ],
)
def test_a_version_fits_its_column(stats: dict[str, Any], version: str) -> None:
    assert version_in(stats) == version

"""What runs, what is cached, what is interrupted, and when history knows of it."""

import pytest

from tests.simulator.graphs import files, noise, past, run, submit, txt2img
from tests.simulator.listening import listening
from tests.simulator.running import RunningSimulator

pytestmark = pytest.mark.system


def cached_nodes(simulator: RunningSimulator, prompt_id: str) -> list[str]:
    messages = dict(past(simulator, prompt_id)["status"]["messages"])
    return sorted(messages["execution_cached"]["nodes"])


def test_only_the_last_prompts_nodes_are_kept(simulator: RunningSimulator) -> None:
    run(simulator, "pictures", txt2img(seed=1))
    run(simulator, "noise", noise())
    run(simulator, "pictures again", txt2img(seed=1))

    assert cached_nodes(simulator, "pictures again") == []


def test_another_seed_keeps_the_loader_and_the_texts(simulator: RunningSimulator) -> None:
    run(simulator, "first", txt2img())
    run(simulator, "second", txt2img())

    assert cached_nodes(simulator, "second") == ["4", "5", "6", "7"]


def test_a_failed_prompt_leaves_its_nodes_in_the_cache(simulator: RunningSimulator) -> None:
    simulator.fault("node_error", node="SaveImage")
    run(simulator, "failing", noise(seed=7))
    run(simulator, "again", noise(seed=7))

    assert cached_nodes(simulator, "again") == ["1", "2"]


def test_a_loaded_picture_is_loaded_again_when_its_file_has_changed(simulator: RunningSimulator) -> None:
    graph = {
        "1": {"class_type": "LoadImage", "inputs": {"image": "it.png"}},
        "9": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "copy"}},
    }
    for number in (1, 2):
        run(simulator, f"made {number}", noise(prefix="it"))
        made = simulator.output_directory / f"it_{number:05}_.png"
        (simulator.input_directory / "it.png").write_bytes(made.read_bytes())
        run(simulator, f"copied {number}", graph)

    first, second = files(simulator, "copied 1"), files(simulator, "copied 2")
    assert first != second


def test_an_interrupt_ends_a_long_step_at_once(simulator: RunningSimulator) -> None:
    simulator.pace(step_seconds=3600)
    with listening(simulator, "c") as listener:
        submit(simulator, "long", txt2img(), client_id="c")
        listener.until("executing", node="3")
        simulator.http.post("/interrupt", json={"prompt_id": "long"})
        listener.until("execution_interrupted", prompt_id="long")

    assert simulator.wait_finished("long").outcomes == ["interrupted"]
    assert past(simulator, "long")["status"]["status_str"] == "error"


def test_history_knows_of_a_success_only_after_its_message(simulator: RunningSimulator) -> None:
    stall = simulator.fault("stall", at="succeeded")
    with listening(simulator, "c") as listener:
        submit(simulator, "done", noise(), client_id="c")
        listener.until("execution_success")

        assert past(simulator, "done") is None

        stall.clear()
        listener.until("executing", node=None)
        assert past(simulator, "done")["status"]["completed"] is True


def test_the_time_between_success_and_history_can_be_set(simulator: RunningSimulator) -> None:
    simulator.pace(history_seconds=3600)
    with listening(simulator, "c") as listener:
        submit(simulator, "done", noise(), client_id="c")
        listener.until("execution_success")

    assert past(simulator, "done") is None


@pytest.mark.parametrize("method", [None, "none", "latent2rgb"])
def test_previews_come_only_when_asked_for(simulator: RunningSimulator, method: str | None) -> None:
    extra_data = {} if method is None else {"preview_method": method}
    with listening(simulator, "c") as listener:
        listener.next()
        submit(simulator, "p", txt2img(steps=2), client_id="c", extra_data=extra_data)
        simulator.wait_finished("p")
        frames: list[object] = []
        while not frames or frames[-1] != {"type": "executing", "data": {"node": None, "prompt_id": "p"}}:
            frames.append(listener.next())

    assert sum(not isinstance(frame, dict) for frame in frames) == (2 if method == "latent2rgb" else 0)


def test_a_job_without_a_client_sends_the_older_kind_of_preview_even_to_those_who_know_the_newer(
    simulator: RunningSimulator,
) -> None:
    with listening(simulator, "watching") as listener:
        listener.send('{"type": "feature_flags", "data": {"supports_preview_metadata": true}}')
        listener.until("feature_flags")
        submit(simulator, "p", txt2img(steps=1), extra_data={"preview_method": "auto"})
        frame = listener.next()
        while isinstance(frame, dict):
            frame = listener.next()

    assert getattr(frame, "event", None) == 1


def test_metadata_that_is_no_object_breaks_the_list_of_jobs_for_everybody(simulator: RunningSimulator) -> None:
    run(simulator, "bad", noise(), extra_data={"extra_pnginfo": None})

    assert simulator.http.get("/api/jobs").status_code == 500
    assert simulator.http.get("/api/jobs/bad").status_code == 500
    assert simulator.http.get("/api/jobs?status=pending,in_progress").status_code == 200
    assert past(simulator, "bad")["status"]["completed"] is True


def test_a_cycle_through_an_undeclared_input_fails_the_prompt_and_nothing_else(simulator: RunningSimulator) -> None:
    graph = noise()
    graph["1"]["inputs"]["undeclared"] = ["2", 0]

    assert run(simulator, "cycle", graph).outcomes == ["error"]
    error = past(simulator, "cycle")["status"]["messages"][-1][1]
    assert error["exception_type"] == "graph.DependencyCycleError"
    assert run(simulator, "next", noise()).outcomes == ["success"]

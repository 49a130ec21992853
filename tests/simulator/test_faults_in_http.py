"""Answers can be made to fail, to hang, or to hold the wrong bytes."""

import httpx
import pytest

from tests.simulator.graphs import noise, run, view
from tests.simulator.running import RunningSimulator

pytestmark = [pytest.mark.system, pytest.mark.landing]

SOON = httpx.Timeout(0.2)


@pytest.mark.parametrize(("how", "status"), [("503", 503), ("500", 500)])
def test_a_submission_is_refused_and_the_next_one_accepted(simulator: RunningSimulator, how: str, status: int) -> None:
    simulator.fault("refuse", how=how)

    assert simulator.http.post("/prompt", json={"prompt": noise()}).status_code == status
    assert simulator.http.get("/prompt").json() == {"exec_info": {"queue_remaining": 0}}
    assert simulator.http.post("/prompt", json={"prompt": noise()}).status_code == 200


def test_a_submission_is_dropped_without_an_answer(simulator: RunningSimulator) -> None:
    simulator.fault("refuse", how="drop")

    with pytest.raises(httpx.TransportError):
        simulator.http.post("/prompt", json={"prompt": noise(), "prompt_id": "dropped"})
    assert "dropped" not in simulator.executions()


def test_a_submission_that_was_queued_is_answered_with_an_error(simulator: RunningSimulator) -> None:
    simulator.fault("error_after_queue")

    answer = simulator.http.post("/prompt", json={"prompt": noise(), "prompt_id": "queued"})

    assert (answer.status_code, answer.text) == (500, "500 Internal Server Error\n\nServer got itself in trouble")
    assert simulator.wait_finished("queued").outcomes == ["success"]


def test_half_a_file_is_served_as_if_it_were_whole(simulator: RunningSimulator) -> None:
    run(simulator, "p", noise(prefix="file"))
    simulator.fault("half_file")
    half, whole = view(simulator, "file_00001_.png"), view(simulator, "file_00001_.png")

    assert half == whole[: len(whole) // 2]


def test_an_answer_breaks_off_in_the_middle_of_a_file(simulator: RunningSimulator) -> None:
    run(simulator, "p", noise(prefix="file"))
    simulator.fault("half_file", how="broken")

    with pytest.raises(httpx.TransportError):
        view(simulator, "file_00001_.png")
    view(simulator, "file_00001_.png")


def test_a_file_is_cut_for_good(simulator: RunningSimulator) -> None:
    run(simulator, "p", noise(prefix="file"))
    whole = view(simulator, "file_00001_.png")
    simulator.fault("half_file", how="truncate")

    assert view(simulator, "file_00001_.png") == view(simulator, "file_00001_.png") == whole[: len(whole) // 2]


def test_a_file_goes_missing_for_one_answer(simulator: RunningSimulator) -> None:
    run(simulator, "p", noise(prefix="file"))
    simulator.fault("missing_file")

    assert simulator.http.get("/view?filename=file_00001_.png").status_code == 404
    view(simulator, "file_00001_.png")


def test_a_slow_file_arrives_whole_in_the_end(simulator: RunningSimulator) -> None:
    run(simulator, "p", noise(prefix="file"))
    whole = view(simulator, "file_00001_.png")
    simulator.fault("slow_file", seconds=0.1)
    assert view(simulator, "file_00001_.png") == whole

    simulator.fault("slow_file", seconds=600)
    with pytest.raises(httpx.ReadTimeout):
        simulator.http.get("/view?filename=file_00001_.png", timeout=SOON)


def test_a_file_fault_can_be_kept_to_some_files(simulator: RunningSimulator) -> None:
    run(simulator, "p", noise(prefix="file", batch_size=2))
    simulator.fault("missing_file", path="/view?filename=file_00002_.png")

    assert simulator.http.get("/view?filename=file_00001_.png").status_code == 200
    assert simulator.http.get("/view?filename=file_00002_.png").status_code == 404


def test_latency_delays_answers_until_it_is_cleared(simulator: RunningSimulator) -> None:
    latency = simulator.fault("latency", seconds=600)
    with pytest.raises(httpx.ReadTimeout):
        simulator.http.get("/queue", timeout=SOON)
    latency.clear()

    assert simulator.http.get("/queue").status_code == 200


def test_latency_can_be_kept_to_some_paths(simulator: RunningSimulator) -> None:
    simulator.fault("latency", seconds=600, path="/history")

    assert simulator.http.get("/queue", timeout=10).status_code == 200
    with pytest.raises(httpx.ReadTimeout):
        simulator.http.get("/history", timeout=SOON)


def test_hanging_answers_never_come(simulator: RunningSimulator) -> None:
    simulator.fault("hang_http", path="/prompt")

    with pytest.raises(httpx.ReadTimeout):
        simulator.http.post("/prompt", json={"prompt": noise(), "prompt_id": "hung"}, timeout=SOON)
    assert simulator.http.get("/queue").status_code == 200
    assert "hung" not in simulator.executions()

    simulator.clear_faults()
    assert simulator.http.post("/prompt", json={"prompt": noise()}).status_code == 200

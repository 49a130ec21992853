"""Execution can be made to end, hang or fail at any moment of a prompt's life, while HTTP stays fine."""

import contextlib
import io

import httpx
import pytest
from PIL import Image

from deploy.simulator.faults.kinds import IN_A_PROMPT, Moment
from tests.simulator.graphs import Graph, files, noise, past, run, submit, txt2img, view
from tests.simulator.listening import listening
from tests.simulator.running import RunningSimulator, eventually

pytestmark = [pytest.mark.system, pytest.mark.landing]

SAMPLED = [moment for moment in IN_A_PROMPT if moment is not Moment.DONE]


def submit_to_the_dying(simulator: RunningSimulator, prompt_id: str, graph: Graph) -> None:
    """The process may be gone before it has answered."""
    with contextlib.suppress(httpx.TransportError):
        submit(simulator, prompt_id, graph)


@pytest.mark.parametrize("moment", SAMPLED)
def test_a_stall_holds_a_prompt_until_it_is_cleared(simulator: RunningSimulator, moment: Moment) -> None:
    stall = simulator.fault("stall", at=moment)
    submit(simulator, "held", txt2img())
    stall.wait_until_struck()

    assert simulator.http.get("/queue").status_code == 200
    assert past(simulator, "held") is None
    assert simulator.executions()["held"].finished == 0

    stall.clear()
    assert simulator.wait_finished("held").outcomes == ["success"]


def test_a_stall_after_the_end_holds_the_next_prompt(simulator: RunningSimulator) -> None:
    stall = simulator.fault("stall", at="done")
    run(simulator, "first", noise())
    stall.wait_until_struck()
    submit(simulator, "second", noise())

    assert len(simulator.http.get("/queue").json()["queue_pending"]) == 1

    stall.clear()
    simulator.wait_finished("second")


def test_a_stalled_prompt_does_not_heed_an_interrupt_until_it_goes_on(simulator: RunningSimulator) -> None:
    stall = simulator.fault("stall", step=2)
    submit(simulator, "held", txt2img(steps=5))
    stall.wait_until_struck()
    simulator.http.post("/interrupt", json={"prompt_id": "held"})

    assert simulator.http.get("/api/jobs/held").json()["status"] == "in_progress"

    stall.clear()
    assert simulator.wait_finished("held").outcomes == ["interrupted"]


def test_dying_ends_the_process_with_the_given_code(simulator: RunningSimulator) -> None:
    simulator.fault("die", code=7)

    assert simulator.wait_gone() == 7


def test_dying_in_the_middle_of_a_prompt_leaves_no_history_and_a_count(simulator: RunningSimulator) -> None:
    run(simulator, "before", noise())
    simulator.fault("die", step=2, code=137)
    submit_to_the_dying(simulator, "unlucky", txt2img())
    assert simulator.wait_gone() == 137
    simulator.restart()

    assert past(simulator, "before") is None
    assert simulator.http.get("/api/jobs/unlucky").status_code == 404
    executions = simulator.executions()
    assert (executions["unlucky"].accepted, executions["unlucky"].started, executions["unlucky"].finished) == (1, 1, 0)
    assert executions["before"].outcomes == ["success"]
    assert run(simulator, "unlucky", txt2img()).started == 2


def test_dying_while_a_file_is_written_leaves_half_of_it_for_good(simulator: RunningSimulator) -> None:
    simulator.fault("die", at="write")
    submit_to_the_dying(simulator, "unlucky", noise(prefix="half", size=512))
    simulator.wait_gone()
    simulator.restart()

    with pytest.raises(OSError, match=r"truncated|broken"):
        Image.open(io.BytesIO(view(simulator, "half_00001_.png"))).load()
    run(simulator, "lucky", noise(prefix="half"))
    assert files(simulator, "lucky") == ["half_00002_.png"]


def test_without_its_worker_the_server_accepts_and_runs_nothing(simulator: RunningSimulator) -> None:
    simulator.fault("kill_worker")
    submit(simulator, "waiting", noise())
    eventually(lambda: not simulator.worker_alive)

    queue = simulator.http.get("/queue").json()
    assert queue["queue_running"] == []
    assert [item[1] for item in queue["queue_pending"]] == ["waiting"]
    assert simulator.http.get("/system_stats").status_code == 200
    assert simulator.executions()["waiting"].started == 0


def test_a_worker_that_dies_inside_a_prompt_leaves_it_running_for_ever(simulator: RunningSimulator) -> None:
    simulator.fault("kill_worker", node="SaveImage")
    submit(simulator, "stuck", noise())
    eventually(lambda: not simulator.worker_alive)

    assert [item[1] for item in simulator.http.get("/queue").json()["queue_running"]] == ["stuck"]
    assert simulator.http.get("/api/jobs/stuck").json()["status"] == "in_progress"


def test_a_node_fails_as_it_is_told(simulator: RunningSimulator) -> None:
    simulator.fault("node_error", node="ImageAddNoise", exception_type="my.Error", exception_message="no noise today")
    with listening(simulator, "c") as listener:
        submit(simulator, "failing", noise(), client_id="c")
        _, error = listener.until("execution_error")[-1]
    simulator.wait_finished("failing")

    assert (error["node_id"], error["exception_type"], error["exception_message"]) == (
        "2",
        "my.Error",
        "no noise today\n",
    )
    assert past(simulator, "failing")["status"]["status_str"] == "error"
    assert run(simulator, "next", noise()).outcomes == ["success"]


def test_a_failed_prompt_keeps_the_outputs_of_the_nodes_that_ran(simulator: RunningSimulator) -> None:
    graph = noise(prefix="kept") | {"20": {"class_type": "PreviewImage", "inputs": {"images": ["2", 0]}}}
    simulator.fault("node_error", node="PreviewImage")
    run(simulator, "failing", graph)

    assert past(simulator, "failing")["outputs"].keys() == {"9"}
    assert files(simulator, "failing") == ["kept_00001_.png"]


def test_a_sampler_runs_out_of_memory_after_a_step(simulator: RunningSimulator) -> None:
    simulator.fault("out_of_memory", step=2)
    with listening(simulator, "c") as listener:
        submit(simulator, "large", txt2img(steps=4), client_id="c")
        messages = listener.until("execution_error")

    assert [data["value"] for event, data in messages if event == "progress"] == [1, 2]
    assert messages[-1][1]["exception_type"] == "torch.OutOfMemoryError"
    assert messages[-1][1]["node_type"] == "KSampler"


def test_a_fault_strikes_as_often_as_asked(simulator: RunningSimulator) -> None:
    simulator.fault("node_error", node="SaveImage", times=2)

    outcomes = [run(simulator, f"p{number}", noise()).outcomes for number in range(3)]

    assert outcomes == [["error"], ["error"], ["success"]]
    assert simulator.http.get("/simulator/faults").json() == {"faults": []}


def test_a_fault_without_a_number_strikes_until_it_is_cleared(simulator: RunningSimulator) -> None:
    fault = simulator.fault("node_error", node="SaveImage", times=None)
    outcomes = [run(simulator, f"p{number}", noise()).outcomes for number in range(3)]
    fault.clear()

    assert outcomes == [["error"]] * 3
    assert run(simulator, "after", noise()).outcomes == ["success"]


def test_a_fault_for_one_prompt_leaves_the_others_alone(simulator: RunningSimulator) -> None:
    simulator.fault("node_error", prompt_id="second")

    assert run(simulator, "first", noise()).outcomes == ["success"]
    assert run(simulator, "second", noise()).outcomes == ["error"]


def test_history_can_be_lost_at_once(simulator: RunningSimulator) -> None:
    run(simulator, "first", noise())
    run(simulator, "second", noise())
    simulator.fault("forget_history", prompt_id="first")
    assert simulator.http.get("/history").json().keys() == {"second"}

    simulator.fault("forget_history")
    assert simulator.http.get("/history").json() == {}


def test_history_can_be_lost_before_anybody_reads_it(simulator: RunningSimulator) -> None:
    simulator.fault("forget_history", when="written")

    assert run(simulator, "lost", noise()).outcomes == ["success"]
    assert past(simulator, "lost") is None
    run(simulator, "kept", noise())
    assert past(simulator, "kept") is not None

"""Durations are shared out and changed without touching a clock."""

import time

import psutil
import pytest

from deploy.simulator.running.pace import SHARED_OUT, Dial, Pace
from tests.simulator.graphs import Graph, noise, run, submit, txt2img
from tests.simulator.listening import listening
from tests.simulator.running import RunningSimulator

pytestmark = [pytest.mark.system, pytest.mark.landing]


def test_a_fixed_total_is_shared_among_the_steps() -> None:
    shared = Pace(step_seconds=9, load_seconds=9, node_seconds=9, gpu_seconds=6 / SHARED_OUT).shared(steps=3, nodes=8)

    assert (shared.step_seconds, shared.load_seconds, shared.node_seconds) == (2, 0, 0)


def test_a_fixed_total_is_shared_among_the_nodes_if_there_are_no_steps() -> None:
    shared = Pace(step_seconds=9, load_seconds=9, node_seconds=9, gpu_seconds=6 / SHARED_OUT).shared(steps=0, nodes=3)

    assert (shared.step_seconds, shared.load_seconds, shared.node_seconds) == (0, 2, 2)


def test_what_other_work_leaves_of_a_fixed_total_is_spent_in_the_end() -> None:
    pace = Pace(gpu_seconds=6)

    assert [pace.left(spent) for spent in (0, 4.5, 7)] == [6, 1.5, 0]


def test_without_a_total_every_duration_stands() -> None:
    pace = Pace(step_seconds=1, load_seconds=2, node_seconds=3)

    assert pace.shared(steps=3, nodes=8) == pace
    assert pace.left(0) == 0


def test_a_change_keeps_the_other_durations() -> None:
    assert Pace(step_seconds=1, load_seconds=2).changed({"step_seconds": 5}) == Pace(step_seconds=5, load_seconds=2)


@pytest.mark.parametrize("changes", [{"step_seconds": float("inf")}, {"load_seconds": True}, {"hours": 1}])
def test_what_is_no_duration_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"hours|seconds"):
        Pace().changed(changes)


def test_the_processor_is_kept_busy_for_as_long_as_is_said() -> None:
    began = time.thread_time()
    Dial(Pace(), Pace()).compute(0.05)

    assert time.thread_time() - began >= 0.05


@pytest.mark.parametrize(
    ("cost", "seconds", "size"),
    [("prompt_cpu_seconds", 0.3, 64), ("node_cpu_seconds", 0.1, 64), ("megapixel_cpu_seconds", 1.0, 512)],
)
def test_a_server_may_compute_for_each_prompt_node_and_pixel(
    simulator: RunningSimulator, cost: str, seconds: float, size: int
) -> None:
    simulator.pace(**{cost: seconds})
    before = cpu_s(simulator)
    run(simulator, "p", noise(size=size))

    assert cpu_s(simulator) - before >= 0.25


def cpu_s(simulator: RunningSimulator) -> float:
    return sum(psutil.Process(simulator.pid).cpu_times()[:2])


def test_a_new_pace_holds_from_the_next_step_on(simulator: RunningSimulator) -> None:
    stall = simulator.fault("stall", step=1)
    with listening(simulator, "c") as listener:
        submit(simulator, "p", txt2img(), client_id="c")
        listener.until("progress", value=1)
        simulator.pace(step_seconds=3600)
        stall.clear()
        assert listener.silent()
        simulator.http.post("/interrupt", json={})
        listener.until("execution_interrupted")


@pytest.mark.parametrize("graph", [txt2img(), noise()])
def test_a_fixed_total_can_be_set_while_it_runs(simulator: RunningSimulator, graph: Graph) -> None:
    simulator.pace(gpu_seconds=0.01, step_seconds=3600, node_seconds=3600)

    assert run(simulator, "p", graph).outcomes == ["success"]

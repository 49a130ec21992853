"""The meter counts work done, never falls, and knows what a running node has needed."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import strategies as st

from shared.workflows.parameters import Params, TextToImage
from shared.workflows.text_to_image import text_to_image
from tests.hypotheses import given
from tests.simulator import recordings
from tests.steps import steps
from worker_service.comfyui.frames import Cached, NodeStates, read_frame
from worker_service.run.prompt.progress import Meter

GRAPH = text_to_image(TextToImage(prompt="x", checkpoint_model="c", params=Params(seed=1, steps=3)))  # 9 units


def test_it_starts_at_nothing_and_ends_at_everything() -> None:
    meter = Meter(GRAPH)
    assert meter.progress.percentage == 0
    assert meter.update(NodeStates(dict.fromkeys(GRAPH, (1, 1, "finished")))).percentage == 100


def test_a_sampler_step_is_told_and_counts_as_much_as_a_node() -> None:
    meter = Meter(GRAPH)
    before = meter.update(NodeStates({"sampler": (0, 3, "running")})).percentage
    progress = meter.update(NodeStates({"sampler": (2, 3, "running")}))
    assert (progress.node_id, progress.node_type, progress.step, progress.steps) == ("sampler", "KSampler", 2, 3)
    assert progress.percentage - before == pytest.approx(200 / 9, abs=0.1)


def test_what_a_running_node_needs_is_done() -> None:
    progress = Meter(GRAPH).update(NodeStates({"save": (0, 1, "running")}))
    assert progress.percentage == round(100 * 8 / 9, 1)


def test_cached_nodes_count_as_done() -> None:
    meter = Meter(GRAPH)
    meter.skip(["checkpoint", "prompt", "negative_prompt"])
    assert meter.progress.percentage == round(100 * 3 / 9, 1)


def test_nodes_that_the_graph_does_not_have_do_not_count() -> None:
    meter = Meter(GRAPH)
    meter.skip(["made up"])
    progress = meter.update(NodeStates({"expanded.0": (1, 2, "running")}))
    assert (progress.percentage, progress.node_type) == (0, None)


def test_a_graph_without_nodes_and_a_node_without_work_do_no_harm() -> None:
    assert Meter({}).update(NodeStates({})).percentage == 0
    assert Meter(GRAPH).update(NodeStates({"checkpoint": (0, 0, "running")})).percentage == 0


def test_a_recorded_run_rises_to_the_end() -> None:
    lines = recordings.events("0.8/ws/02_success_t2i_cold")
    request = next(line["request"]["json"] for line in lines if line.get("request", {}).get("path") == "/prompt")
    answer = next(
        line["response"]["body"]["json"] for line in lines if line.get("request", {}).get("path") == "/prompt"
    )
    meter = Meter(request["prompt"])
    percentages = []
    for line in lines:
        match read_frame(json.dumps(line["text"]), {answer["prompt_id"]}) if "text" in line else None:
            case _, NodeStates() as states:
                percentages.append(meter.update(states).percentage)
            case _, Cached() as cached:
                meter.skip(cached.nodes)
    assert percentages == sorted(percentages)
    assert percentages[-1] == 100


@given(
    st.lists(
        st.dictionaries(
            st.sampled_from([*GRAPH, "unknown"]),
            st.tuples(st.floats(0, 10), st.floats(0, 10), st.sampled_from(["running", "finished", "pending"])),
        )
    )
)
@pytest.mark.broad
def test_it_never_falls_nor_leaves_its_scale(updates: list[dict[str, tuple[float, float, str]]]) -> None:
    meter = Meter(GRAPH)
    percentages = [meter.update(NodeStates(update)).percentage for update in updates]
    assert percentages == sorted(percentages)
    assert all(0 <= percentage <= 100 for percentage in percentages)


def chain(length: int) -> dict[str, Any]:
    """Each node needs the 20 before it."""
    return {
        str(number): {
            "class_type": "X",
            "inputs": {f"i{back}": [str(number - back), 0] for back in range(1, 1 + min(number, 20))},
        }
        for number in range(length)
    }


def frames(length: int) -> Iterator[NodeStates]:
    """Ten frames: each names all that ran so far, as ComfyUI's do."""
    for reached in range(0, length, length // 10):
        yield NodeStates(
            {**{str(number): (1, 1, "finished") for number in range(reached)}, str(reached): (0, 1, "running")}
        )


@pytest.mark.broad
@pytest.mark.parametrize("cached", [False, True])
def test_four_times_as_many_nodes_are_four_times_as_many_steps(cached: bool) -> None:
    def steps_of(length: int) -> int:
        graph, named = chain(length), list(frames(length))

        def work() -> None:
            meter = Meter(graph)
            if cached:
                meter.skip(list(graph))
            for states in named:
                meter.update(states)

        return steps(work)

    assert steps_of(2000) < 5 * steps_of(500)


def test_a_frame_costs_what_it_names_however_large_the_graph_is() -> None:
    def steps_of(length: int) -> int:
        meter = Meter(chain(length))
        meter.update(NodeStates({str(length - 1): (0, 5, "running")}))
        return steps(lambda: meter.update(NodeStates({str(length - 1): (1, 5, "running")})))

    assert steps_of(2000) == steps_of(500)

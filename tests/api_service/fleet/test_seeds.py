"""A seed that is drawn is one that the node takes, and what is checked is what will be sent."""

import json
from typing import Any

import pytest
from starlette.testclient import TestClient

from api_service.fleet.capability_cache import Capabilities
from api_service.fleet.seeds import EXACT, SAFE, Seeded, note_on, with_seeds
from shared.messaging.messenger import Messenger
from tests.api_service.fleet.test_fleet_check import accepted, asked, fleet, refused, verdict
from tests.api_service.submit.test_resubmitting import retry
from tests.jobs import ANOTHER, SERVER
from tests.object_infos import Page, object_info, page, publish
from tests.simulator.graphs import node, txt2img

URL = "/api/v1/generation-jobs/"
TIMES = 20


def seeded(name: str = "Odd", /, **specs: Any) -> dict[str, Page]:
    """What a server says that has a class of its own with these inputs."""
    return object_info(classes={name: page(specs, output_node=True, python_module="custom_nodes.odd")})


def drawn(given: Any, *servers: dict[str, Page], field: str = "seed", wish: Any = "same") -> set[Any]:
    """What becomes of an input, time after time."""
    graph = {"1": node("Odd", **{field: given})}
    fleet_of_these = fleet(*servers)
    return {with_seeds(graph, fleet_of_these, wish).graph["1"]["inputs"][field] for _ in range(TIMES)}


@pytest.mark.parametrize(
    ("options", "lowest", "highest"),
    [
        ({"min": 0, "max": 2**50}, 0, 2**50),
        ({"min": 5, "max": 7}, 5, 7),
        ({"min": 7, "max": 7}, 7, 7),
        ({"min": 0, "max": 2**64 - 1}, 0, EXACT),
        ({"min": 1.5, "max": 3.5}, 2, 3),
        ({"min": -100, "max": -50}, -100, -50),
        ({"min": 0}, 0, SAFE.highest),
        ({"min": 2**40}, 2**40, EXACT),
        ({"max": 9}, 0, 9),
        ({}, *SAFE),
    ],
)
@pytest.mark.parametrize("given", [-1, -1.0, {"__value__": -1}])
def test_a_seed_lies_within_what_the_class_says(given: Any, options: Page, lowest: int, highest: int) -> None:
    found = drawn(given, seeded(seed=["INT", options]))
    assert all(lowest <= seed <= highest for seed in found)
    assert len(found) > 1 or highest - lowest < 3


@pytest.mark.parametrize("field", ["seed", "noise_seed", "rand_seed", "a.seed"])
def test_a_seed_is_what_is_called_so_or_what_the_editor_changes_after_each_run(field: str) -> None:
    kept = {-1} if field == "rand_seed" else set()
    found = drawn(-1, seeded(**{field: ["INT", {"min": 0, "max": 9}]}), field=field)
    assert found <= (kept or set(range(10)))
    for control in (True, "randomize"):
        spec = ["INT", {"min": 0, "max": 9, "control_after_generate": control}]
        assert drawn(-1, seeded(**{field: spec}), field=field) <= set(range(10))


@pytest.mark.parametrize("control", ["fixed", "increment", "decrement", False, None, 5, []])
def test_a_number_that_the_editor_does_not_draw_is_left_alone(control: Any) -> None:
    info = seeded(value=["INT", {"min": 0, "max": 9, "control_after_generate": control}])
    for wish in ("same", "new", 3):
        assert drawn(-1, info, field="value", wish=wish) == {-1}
        assert drawn(512, info, field="value", wish=wish) == {512}


def test_minus_one_stays_where_the_node_itself_takes_it() -> None:
    assert drawn(-1, seeded(seed=["INT", {"min": -1, "max": 9}])) == {-1}
    assert drawn(-1, seeded(seed=["INT", {"min": -(2**50)}])) == {-1}


def test_a_seed_is_one_that_every_server_takes() -> None:
    infos = [seeded(seed=["INT", bounds]) for bounds in ({"min": -1, "max": 9}, {"min": 4, "max": 99})]
    assert drawn(-1, *infos) <= set(range(4, 10))


def test_where_no_seed_suits_all_servers_it_suits_the_one_that_answers() -> None:
    near, far = (seeded(seed=["INT", bounds]) for bounds in ({"min": 1, "max": 2}, {"min": 8, "max": 9}))
    capabilities = fleet(near, away=(far,))
    assert with_seeds({"1": node("Odd", seed=-1)}, capabilities).graph["1"]["inputs"]["seed"] in {1, 2}


@pytest.mark.parametrize("kind", ["STRING", [["a", "b"]], "MODEL"])
def test_what_is_no_number_there_is_no_seed(kind: Any) -> None:
    assert drawn(-1, seeded(seed=[kind] if isinstance(kind, str) else kind)) == {-1}


@pytest.mark.parametrize("given", [0, 5, -2, True, "-1", None, [-1], ["1", 0]])
def test_nothing_but_minus_one_is_drawn(given: Any) -> None:
    graph = {"1": node("Odd", seed=given)}
    assert with_seeds(graph, fleet(seeded(seed=["INT", {}]))).graph == graph


def test_bounds_that_no_number_lies_between_change_nothing() -> None:
    assert drawn(-1, seeded(seed=["INT", {"min": 5, "max": 3}])) == {-1}


def test_a_class_that_nobody_knows_gets_a_seed_that_most_take_and_a_note_says_so() -> None:
    found = with_seeds({"1": node("Odd", seed=-1), "2": node("Odd", noise_seed=-1)}, Capabilities())
    assert all(
        0 <= found.graph[name]["inputs"][seed] <= SAFE.highest for name, seed in (("1", "seed"), ("2", "noise_seed"))
    )
    (note,) = note_on(found)
    assert note.startswith("seeds of 'Odd' were drawn from 0 to")
    assert len(note_on(Seeded({}, 9, [f"x{number}" for number in range(1000)]))[0]) < 200


def test_all_seeds_may_be_drawn_anew_but_not_one_that_means_something() -> None:
    info = seeded(seed=["INT", {"min": -1, "max": 2**40}])
    assert drawn(-1, info, wish="new") == {-1}
    found = drawn(5, info, wish="new")
    assert len(found) > TIMES // 2
    assert min(found) >= 0
    assert drawn(5, info, wish=11) == {11}


def test_seeds_are_numbers_under_either_name_and_nothing_else_is_touched() -> None:
    workflow = {
        "1": node("KSampler", seed=-1, steps=-1),
        "2": node("KSampler", noise_seed=7),
        "3": node("KSampler", seed=["1", 0], noise_seed=True),
        "4": {**node("KSampler"), "_meta": {}},
    }
    before = json.dumps(workflow)
    changed = with_seeds(workflow, Capabilities(), 17)
    assert (changed.graph["1"]["inputs"]["seed"], changed.graph["2"]["inputs"]["noise_seed"]) == (17, 17)
    assert changed.graph["1"]["inputs"]["steps"] == -1
    assert (changed.graph["3"], changed.graph["4"]) == (workflow["3"], workflow["4"])
    assert json.dumps(workflow) == before
    assert changed.seeds == 2
    assert with_seeds({"3": workflow["3"], "4": workflow["4"]}, Capabilities(), "new").seeds == 0


def test_a_picture_has_a_seed_that_the_sampler_takes() -> None:
    info = object_info(checkpoints=["sd15"])
    info["KSampler"]["input"]["required"]["seed"][1] = {"min": 3, "max": 5}
    for _ in range(TIMES):
        checked = verdict(asked(), fleet(info))
        assert not checked.errors
        assert checked.request.parameters is not None
        seed = checked.request.parameters.params.seed
        assert seed in {3, 4, 5}
        assert checked.request.graph["sampler"]["inputs"]["seed"] == seed
    assert refused(asked(params={"seed": 9}), fleet(info)).keys() == {"sampler_params.seed"}


def test_a_given_seed_is_kept_and_a_missing_one_is_drawn_anew_each_time() -> None:
    def seed_of(**params: Any) -> int:
        found = verdict(asked(params=params), fleet(object_info(checkpoints=["sd15"]))).request.parameters
        assert found is not None
        return found.params.seed

    assert (seed_of(seed=42), seed_of(seed=0)) == (42, 0)
    found = {seed_of() for _ in range(TIMES)}
    assert len(found) == TIMES
    assert all(0 <= seed <= EXACT for seed in found)


def test_what_is_checked_is_what_will_be_sent() -> None:
    info = seeded(seed=["INT", {"min": 3, "max": 2}])
    info["Odd"]["python_module"] = "nodes"
    assert refused({"1": node("Odd", seed=-1)}, fleet(info))["workflow.1.inputs.seed"][0] == "value_smaller_than_min"
    graph = txt2img()
    graph["3"]["inputs"]["seed"] = -1
    assert accepted(graph, fleet(object_info())) == []


NARROW = seeded(seed=["INT", {"min": 0, "max": 3}], noise_seed=["INT", {"min": -1, "max": 3}])


def test_jobs_of_a_batch_validated_ones_and_retries_are_drawn_alike(client: TestClient, messenger: Messenger) -> None:
    publish(messenger, NARROW, SERVER)
    publish(messenger, object_info(), ANOTHER)
    body = {"workflow": {"1": node("Odd", seed=-1, noise_seed=-1)}}
    answer = client.post(f"{URL}bulk", json={"jobs": [body] * TIMES})
    assert answer.status_code == 201, answer.text
    inputs = [job["workflow"]["1"]["inputs"] for job in answer.json()["jobs"]]
    assert {one["seed"] for one in inputs} <= {0, 1, 2, 3}
    assert {one["noise_seed"] for one in inputs} == {-1}
    planned = client.post(f"{URL}validate", json=body).json()["job"]
    assert planned["workflow"] == body["workflow"], "nothing is drawn for a job that is only looked at"
    parent = answer.json()["jobs"][0]
    client.post(parent["links"]["cancel"])
    assert {
        retry(client, parent["id"], seed="new").json()["workflow"]["1"]["inputs"]["seed"] for _ in range(TIMES)
    } <= {0, 1, 2, 3}
    assert retry(client, parent["id"]).json()["workflow"] == parent["workflow"]


def test_a_retry_with_a_seed_beyond_the_bounds_is_refused_by_field(client: TestClient, messenger: Messenger) -> None:
    info = object_info()
    info["EmptyImage"]["input"]["required"]["seed"] = ["INT", {"min": 0, "max": 3}]
    publish(messenger, info)
    graph = {
        "1": node("EmptyImage", width=64, height=64, batch_size=1, color=0, seed=-1),
        "9": node("SaveImage", images=["1", 0], filename_prefix="x"),
    }
    parent = client.post(URL, json={"workflow": graph}).json()
    client.post(parent["links"]["cancel"])
    answer = retry(client, parent["id"], seed=4)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == ["workflow.1.inputs.seed"]

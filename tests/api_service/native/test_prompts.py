"""`POST /prompt`: whatever a client of ComfyUI sends becomes a job, or is refused in ComfyUI's own words."""

import json
from typing import Any
from uuid import uuid4

import pytest
from starlette.testclient import TestClient

from shared.messaging.messenger import Messenger
from tests.api_service.native.prompts import job_of, posted
from tests.jobs import ANOTHER, SERVER, USER
from tests.object_infos import object_info, publish
from tests.simulator.graphs import node, noise, txt2img


def refused(client: TestClient, body: Any) -> dict[str, Any]:
    answer = client.post("/prompt", json=body)
    assert answer.status_code == 400, answer.text
    found: dict[str, Any] = answer.json()
    assert found["error"].keys() == {"type", "message", "details", "extra_info"}
    return found


def test_a_prompt_is_a_job_like_any_other(client: TestClient, messenger: Messenger) -> None:
    graph = noise()
    job = job_of(messenger, posted(client, graph, client_id="me"))
    assert (job.user_id, job.workflow, job.job_type) == (USER, graph, "workflow")
    assert client.get(f"/api/v1/generation-jobs/{job.id}").json()["status"] == "queued"


@pytest.mark.parametrize("headers", [{}, {"Content-Type": "text/plain"}])
def test_its_body_is_read_whatever_it_is_said_to_be(client: TestClient, headers: dict[str, str]) -> None:
    answer = client.post("/prompt?clientId=x&token=y", content=json.dumps({"prompt": noise()}), headers=headers)
    assert answer.status_code == 200
    assert answer.json().keys() == {"prompt_id", "number", "node_errors"}


def test_numbers_rise(client: TestClient) -> None:
    first, second = (client.post("/prompt", json={"prompt": noise(), "front": True}).json() for _ in range(2))
    assert first["number"] < second["number"]


def test_what_goes_along_goes_along(client: TestClient, messenger: Messenger) -> None:
    extra = {"extra_pnginfo": {"workflow": {"id": "w"}}, "preview_method": "taesd", "comfy_usage_source": "me"}
    job = job_of(messenger, posted(client, extra_data=extra))
    assert job.extra_pnginfo == {"workflow": {"id": "w"}}
    assert job.params == {"previews": True}


def test_only_the_wanted_part_of_a_graph_is_run(client: TestClient, messenger: Messenger) -> None:
    graph = noise() | {"10": node("SaveImage", images=["1", 0], filename_prefix="other")}
    job = job_of(messenger, posted(client, graph, partial_execution_targets=["10"]))
    assert job.workflow is not None
    assert set(job.workflow) == {"1", "10"}


@pytest.mark.parametrize(
    "given", ["x", "", 7, "0A1B2C3D-0000-4000-8000-000000000001", "0a1b2c3d00004000800000000000abcd"]
)
def test_a_prompt_id_that_is_no_canonical_uuid_is_refused(client: TestClient, given: Any) -> None:
    assert refused(client, {"prompt": noise(), "prompt_id": given})["error"]["type"] == "invalid_prompt_id"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({}, "no_prompt"),
        ([], "no_prompt"),
        ("x", "no_prompt"),
        ({"prompt": {}}, "prompt_no_outputs"),
        ({"prompt": None}, "invalid_prompt"),
        ({"prompt": [1]}, "invalid_prompt"),
        ({"prompt": {"nodes": [], "links": []}}, "invalid_prompt"),
        ({"prompt": {"1": {"inputs": {}}}}, "invalid_prompt"),
        ({"prompt": noise(), "client_id": "x\n"}, "invalid_prompt"),
        ({"prompt": noise(), "extra_data": 7}, "invalid_prompt"),
        ({"prompt": noise(), "extra_data": {"extra_pnginfo": "x"}}, "invalid_prompt"),
        ({"prompt": noise(), "partial_execution_targets": ["nobody"]}, "prompt_no_outputs"),
    ],
)
def test_what_is_no_prompt_is_refused_by_its_type(client: TestClient, body: Any, kind: str) -> None:
    assert refused(client, body)["error"]["type"] == kind


def test_what_is_no_json_is_refused(client: TestClient) -> None:
    answer = client.post("/prompt", content=b"hello {")
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_json")


def test_a_class_that_no_server_has_is_named(client: TestClient, messenger: Messenger) -> None:
    publish(messenger, object_info())
    graph = noise() | {"2": node("NoSuchNode", image=["1", 0])}
    error = refused(client, {"prompt": graph})["error"]
    assert (error["type"], error["extra_info"]["node_id"]) == ("missing_node_type", "2")


def test_errors_stand_at_their_nodes_with_the_outputs_behind_them(client: TestClient, messenger: Messenger) -> None:
    publish(messenger, object_info())
    graph = txt2img()
    graph["4"]["inputs"]["ckpt_name"] = "nope.safetensors"
    graph["3"]["inputs"]["steps"] = 0
    found = refused(client, {"prompt": graph})
    assert found["error"]["type"] == "prompt_outputs_failed_validation"
    errors = found["node_errors"]
    assert {name: (node["class_type"], node["dependent_outputs"]) for name, node in errors.items()} == {
        "3": ("KSampler", ["9"]),
        "4": ("CheckpointLoaderSimple", ["9"]),
    }
    (missing,) = errors["4"]["errors"]
    assert (missing["type"], missing["extra_info"]) == (
        "value_not_in_list",
        {"input_name": "ckpt_name", "received_value": "nope.safetensors"},
    )
    assert errors["3"]["errors"][0]["type"] == "value_smaller_than_min"


def test_what_no_single_server_can_run_is_refused(client: TestClient, messenger: Messenger) -> None:
    publish(messenger, object_info(checkpoints=["a"], loras=["x"]), SERVER)
    publish(messenger, object_info(checkpoints=["b"], loras=["y"]), ANOTHER)
    graph = txt2img()
    graph["4"]["inputs"]["ckpt_name"] = "a"
    graph["11"] = node("LoraLoader", model=["4", 0], clip=["4", 1], lora_name="y", strength_model=1, strength_clip=1)
    graph["3"]["inputs"]["model"] = ["11", 0]
    assert refused(client, {"prompt": graph})["node_errors"]


def test_a_name_is_good_for_one_prompt(client: TestClient) -> None:
    own, graph = str(uuid4()), noise()
    assert {posted(client, graph, prompt_id=own) for _ in range(2)} == {own}
    assert refused(client, {"prompt": noise(), "prompt_id": own})["error"]["type"] == "invalid_prompt_id"
    assert len(client.get("/queue").json()["queue_pending"]) == 1


@pytest.mark.parametrize("path", ["/nothing", "/api/nothing", "/userdata", "/i18n"])
def test_what_is_not_there_is_404_and_json(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert "json" in answer.headers["content-type"]

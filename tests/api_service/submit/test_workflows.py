"""A job that is a workflow of the client's own: what is kept of it, and what is refused."""

import json
from typing import Any

import pytest
from starlette.testclient import TestClient

from api_service.fleet.seeds import SAFE
from shared.messaging.messenger import Messenger
from shared.workflows.fingerprint import shape_of
from shared.workflows.parameters import LARGEST_SEED
from tests.api_service.submit.test_submitting import LEAST, URL, refused
from tests.jobs import job

WORKFLOW: dict[str, Any] = {
    "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "sd15.safetensors"}},
    "6": {
        "class_type": "CLIPTextEncode",
        "inputs": {"text": "a lighthouse", "clip": ["4", 1]},
        "_meta": {"title": "+"},
    },
    "7": {"class_type": "CLIPTextEncode", "inputs": {"text": "a ship", "clip": ["4", 1]}},
    "5": {"class_type": "EmptyLatentImage", "inputs": {"width": 64, "height": 64, "batch_size": 1}},
    "3": {
        "class_type": "KSampler",
        "inputs": {
            "model": ["4", 0],
            "positive": ["6", 0],
            "negative": ["7", 0],
            "latent_image": ["5", 0],
            "seed": 5,
            "steps": 2,
            "cfg": 1.5,
            "sampler_name": "euler",
            "scheduler": "normal",
            "denoise": 1.0,
        },
    },
    "8": {"class_type": "VAEDecode", "inputs": {"samples": ["3", 0], "vae": ["4", 2]}},
    "9": {"class_type": "SaveImage", "inputs": {"images": ["8", 0], "filename_prefix": "mine"}},
}


def with_inputs(node: str, **inputs: Any) -> dict[str, Any]:
    found = WORKFLOW[node]
    return {**WORKFLOW, node: {**found, "inputs": {**found["inputs"], **inputs}}}


def post(client: TestClient, **values: Any) -> Any:
    return client.post(URL, json=values)


def test_a_workflow_is_a_job_and_is_kept_as_it_is(client: TestClient, messenger: Messenger) -> None:
    response = post(client, workflow=WORKFLOW)
    assert response.status_code == 201, response.text
    body = response.json()
    assert (body["job_type"], body["status"]) == ("workflow", "queued")
    assert body["workflow"] == WORKFLOW
    assert body["prompt"] == "a lighthouse\na ship"
    assert body["checkpoint_model"] == "sd15.safetensors"
    assert (body["sampler_params"], body["params"], body["lora_models"], body["width"]) == ({}, {}, [], None)
    assert client.get(body["links"]["self"]).json()["workflow"] == WORKFLOW
    assert job(messenger, body["id"]).workflow_key == shape_of(WORKFLOW).fingerprint


def test_a_picture_from_words_shows_no_workflow(client: TestClient) -> None:
    assert post(client, **LEAST).json()["workflow"] is None


def test_each_seed_of_minus_one_is_drawn_and_recorded(client: TestClient) -> None:
    workflow = with_inputs("3", seed=-1, noise_seed=-1)
    inputs = [post(client, workflow=workflow).json()["workflow"]["3"]["inputs"] for _ in range(2)]
    drawn = {one[name] for one in inputs for name in ("seed", "noise_seed")}
    assert len(drawn) == 4
    assert all(0 <= seed <= SAFE.highest for seed in drawn)


def test_where_no_server_says_what_a_seed_may_be_that_is_noted(client: TestClient) -> None:
    notes = post(client, workflow=with_inputs("3", seed=-1)).json()["notes"]
    assert "seeds of 'KSampler' were drawn from 0 to 2147483647: no server says which ones they take" in notes
    assert not any("drawn" in note for note in post(client, workflow=WORKFLOW).json()["notes"])


def test_the_largest_seed_in_a_workflow_is_kept_exactly(client: TestClient) -> None:
    body = post(client, workflow=with_inputs("3", seed=LARGEST_SEED)).json()
    assert client.get(body["links"]["self"]).json()["workflow"]["3"]["inputs"]["seed"] == LARGEST_SEED


def test_previews_can_be_asked_for(client: TestClient, messenger: Messenger) -> None:
    body = post(client, workflow=WORKFLOW, params={"previews": True}).json()
    assert job(messenger, body["id"]).params == {"previews": True}


def test_each_parameter_of_a_picture_beside_a_workflow_is_refused(client: TestClient) -> None:
    given = {**LEAST, "negative_prompt": "x", "width": 64, "sampler_params": {}, "lora_models": []}
    problem = refused(post(client, workflow=WORKFLOW, **given), 422, "invalid_fields")
    assert {error["field"] for error in problem["errors"]} == set(given)
    assert {error["code"] for error in problem["errors"]} == {"extra_forbidden"}


@pytest.mark.parametrize(
    ("workflow", "field", "code"),
    [
        (None, "workflow", "dict_type"),
        ([], "workflow", "dict_type"),
        ("text", "workflow", "dict_type"),
        ({}, "workflow", "empty_workflow"),
        ({"nodes": [], "links": []}, "workflow", "ui_format"),
        ({"1": 5}, "workflow.1", "not_a_node"),
        ({"1": {"class_type": "X"}}, "workflow.1.inputs", "missing_inputs"),
        (with_inputs("6", text="a\0b"), "workflow.6.inputs.text", "nul"),
        (with_inputs("3", seed=LARGEST_SEED + 1), "workflow.3.inputs.seed", "number_too_large"),
        (with_inputs("3", cfg=10**400), "workflow.3.inputs.cfg", "number_too_large"),
    ],
)
def test_what_is_no_workflow_is_refused_by_its_place(client: TestClient, workflow: Any, field: str, code: str) -> None:
    problem = refused(post(client, workflow=workflow), 422, "invalid_fields")
    assert [(error["field"], error["code"]) for error in problem["errors"]] == [(field, code)]


EDITORS = {"last_node_id": 9, "nodes": [{"id": 9, "type": "SaveImage"}], "links": []}


@pytest.mark.parametrize(
    ("sent", "field", "code", "place"),
    [
        (WORKFLOW, "body", "misplaced_graph", "the body itself"),
        ({"prompt": WORKFLOW}, "body", "misplaced_graph", "`prompt` of the body"),
        ({"prompt": WORKFLOW, "client_id": "x", "extra_data": {}}, "body", "misplaced_graph", "`prompt`"),
        ({"input": {"workflow": WORKFLOW, "images": []}}, "body", "misplaced_graph", "`input.workflow`"),
        ({"output": WORKFLOW, "workflow": EDITORS}, "body", "misplaced_graph", "`output`"),
        ({"workflow": {"prompt": WORKFLOW}}, "workflow", "misplaced_graph", "`prompt`"),
        ({"workflow": {"output": WORKFLOW, "workflow": EDITORS}}, "workflow", "misplaced_graph", "`output`"),
        ({"workflow": json.dumps(WORKFLOW)}, "body", "graph_in_quotes", "`workflow` is a text"),
        ({"prompt": json.dumps(WORKFLOW, indent=1)}, "body", "graph_in_quotes", "`prompt` is a text"),
        ({"input": {"workflow_json": json.dumps(WORKFLOW)}}, "body", "graph_in_quotes", "`input.workflow_json`"),
        ({"workflow": {"prompt": json.dumps(WORKFLOW)}}, "workflow", "graph_in_quotes", "`prompt` is a text"),
        (EDITORS, "body", "ui_format", "Export (API)"),
        ({"prompt": EDITORS}, "body", "ui_format", "Export (API)"),
        ({"workflow": EDITORS}, "workflow", "ui_format", "Export (API)"),
    ],
)
def test_a_graph_that_is_sent_elsewhere_is_told_where_it_goes(
    client: TestClient, sent: dict[str, Any], field: str, code: str, place: str
) -> None:
    (error,) = refused(client.post(URL, json=sent), 422, "invalid_fields")["errors"]
    assert (error["field"], error["code"]) == (field, code)
    assert place in error["message"]
    batch = client.post(f"{URL}bulk", json={"jobs": [LEAST, sent]})
    (error,) = refused(batch, 422, "invalid_fields")["errors"]
    assert (error["field"], error["code"]) == ("jobs[1]" if field == "body" else f"jobs[1].{field}", code)


def test_what_an_owner_notes_on_a_picture_may_be_a_graph(client: TestClient) -> None:
    assert post(client, **LEAST, metadata={"made from": {"1": WORKFLOW["4"]}}).status_code == 201
    words = {**LEAST, "prompt": '{"a sign that says": "class_type"}'}
    assert post(client, **words).status_code == 201


def test_what_comfyui_writes_beside_inputs_is_dropped(client: TestClient) -> None:
    body = (
        '{"workflow": {"1": {"class_type": "X", "inputs": {"a": 1}, "is_changed": NaN, "_meta": {"title": "t"}},'
        ' "2": {"class_type": "Y", "inputs": {}, "is_changed": [NaN]}}}'
    )
    response = client.post(URL, content=body, headers={"Content-Type": "application/json"})
    assert response.status_code == 201, response.text
    assert response.json()["workflow"] == {
        "1": {"class_type": "X", "inputs": {"a": 1}, "_meta": {"title": "t"}},
        "2": {"class_type": "Y", "inputs": {}},
    }


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_numbers_in_it_that_are_none_are_refused(client: TestClient, number: str) -> None:
    body = f'{{"workflow": {{"1": {{"class_type": "X", "inputs": {{"cfg": {number}}}}}}}}}'
    response = client.post(URL, content=body, headers={"Content-Type": "application/json"})
    assert refused(response, 422, "invalid_fields")["errors"][0]["field"] == "workflow.1.inputs.cfg"


def test_a_workflow_without_words_or_models_is_fine(client: TestClient) -> None:
    body = post(client, workflow={"1": {"class_type": "X", "inputs": {}}}).json()
    assert (body["prompt"], body["checkpoint_model"]) == ("", None)

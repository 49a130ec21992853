"""Submitting by the Comfy API: what becomes a job, and what is refused with which code of the contract."""

from typing import Any

import pytest
from comfy_low.models import Job
from sqlmodel import select
from starlette.testclient import TestClient

from shared.messaging.messenger import Messenger
from shared.models import GenerationJob
from shared.workflows.opaque_names import job_id_of
from tests.api_service.comfy_v2.contract import JOBS, held, posted, refused
from tests.jobs import job
from tests.simulator.graphs import txt2img

UUID_KEY = {"Idempotency-Key": "7f3d2c1b-9a8e-4d6f-b012-3c4d5e6f7a8b"}


def row(messenger: Messenger, made: dict[str, Any]) -> GenerationJob:
    job_id = job_id_of(made["id"])
    assert job_id is not None
    return job(messenger, job_id)


def jobs_made(messenger: Messenger) -> int:
    with messenger.transaction() as session:
        return len(session.exec(select(GenerationJob.id)).all())


def test_a_workflow_becomes_a_job_like_any_other(client: TestClient, messenger: Messenger) -> None:
    made = posted(client, txt2img(seed=7), metadata={"run": "7"}, priority=9, previews=True)
    found = row(messenger, made)
    assert (found.priority, found.caller_metadata, found.params) == (9, {"run": "7"}, {"previews": True})
    assert found.workflow == txt2img(seed=7)
    assert (made["status"], made["metadata"], made["outputs"], made["error"]) == ("queued", {"run": "7"}, [], None)
    assert made["urls"]["self"] == f"{JOBS}/{made['id']}"
    assert client.get(made["urls"]["self"]).json() == {**made, "queue_position": 1}


def test_its_name_is_no_number(client: TestClient) -> None:
    first, second = (posted(client, txt2img())["id"] for _ in range(2))
    assert first.startswith("job_")
    assert sum(a != b for a, b in zip(first, second, strict=True)) > 3


def test_a_workflow_can_be_read_back(client: TestClient) -> None:
    made = posted(client, txt2img(seed=7))
    assert client.get(f"{made['urls']['self']}/workflow").json() == {"workflow": txt2img(seed=7), "format": "api"}


def test_a_job_of_the_other_api_is_there_too_with_its_graph(client: TestClient) -> None:
    made = client.post(
        "/api/v1/generation-jobs/", json={"prompt": "a cat", "checkpoint_model": "sd15", "metadata": {"a": 1}}
    )
    (listed,) = client.get(JOBS).json()["jobs"]
    held(Job, client.get(f"{JOBS}/{listed['id']}").json())
    assert job_id_of(listed["id"]) == made.json()["id"]
    graph = client.get(f"{JOBS}/{listed['id']}/workflow").json()["workflow"]
    assert {"KSampler", "SaveImage"} <= {node["class_type"] for node in graph.values()}


@pytest.mark.parametrize("header", ["Authorization", "X-API-Key"])
def test_a_key_may_come_in_either_header(client: TestClient, key: str, header: str) -> None:
    value = f"Bearer {key}" if header == "Authorization" else key
    del client.headers["Authorization"]
    refused(client.get(JOBS), 401, "unauthorized")
    assert client.get(JOBS, headers={header: value}).status_code == 200
    refused(client.get(JOBS, headers={header: f"{value}0"}), 401, "unauthorized")


def test_an_idempotency_key_is_good_once(client: TestClient, messenger: Messenger) -> None:
    made = posted(client, txt2img(seed=7), headers=UUID_KEY)
    for workflow in (txt2img(seed=7), txt2img(seed=8)):
        error = refused(client.post(JOBS, json={"workflow": workflow}, headers=UUID_KEY), 422, "idempotency_key_reuse")
        assert error.details == {"job_id": made["id"]}
    assert jobs_made(messenger) == 1


def test_an_idempotency_key_is_free_again_after_a_refusal(client: TestClient) -> None:
    refused(client.post(JOBS, json={"workflow": {}}, headers=UUID_KEY), 422, "invalid_workflow")
    posted(client, txt2img(), headers=UUID_KEY)


def test_what_is_wrong_with_a_workflow_is_told_by_node(client: TestClient) -> None:
    broken = txt2img()
    broken["3"]["inputs"]["model"] = ["77", 0]
    del broken["8"]["inputs"]
    error = refused(client.post(JOBS, json={"workflow": broken}), 422, "invalid_workflow")
    assert [one["reason"] for one in error.details["node_errors"]["8"]] == ["missing_inputs"]
    broken["8"] = txt2img()["8"]
    error = refused(client.post(JOBS, json={"workflow": broken}), 422, "invalid_workflow")
    (one,) = error.details["node_errors"]["3"]
    assert (one["field"], one["reason"]) == ("model", "dangling_link")
    assert "77" in error.message


@pytest.mark.parametrize("workflow", [{}, [], None, "text", {"1": 5}, {"1": {"class_type": "X"}}])
def test_what_is_no_workflow_is_refused(client: TestClient, workflow: Any) -> None:
    refused(client.post(JOBS, json={"workflow": workflow}), 422, "invalid_workflow")


def test_a_body_without_a_workflow_is_refused(client: TestClient) -> None:
    refused(client.post(JOBS, json={}), 422, "invalid_workflow")


def test_the_editors_own_format_is_refused(client: TestClient) -> None:
    saved = {"nodes": [{"id": 1, "type": "KSampler"}], "links": [], "last_node_id": 1}
    refused(client.post(JOBS, json={"workflow": saved}), 422, "workflow_format_ui")


@pytest.mark.parametrize("wrapped", [lambda it: it, lambda it: [it], lambda it: {"deep": [1, {"er": it}]}])
def test_a_reference_to_no_asset_is_refused_wherever_it_is(client: TestClient, wrapped: Any) -> None:
    graph = txt2img()
    graph["4"]["inputs"]["ckpt_name"] = wrapped({"__type": "core/ASSET", "info": {"id": "9f8a"}})
    refused(client.post(JOBS, json={"workflow": graph}), 422, "missing_asset")


@pytest.mark.parametrize("info", [None, {}, {"id": 5}, [], "9f8a"])
def test_a_malformed_reference_is_a_missing_asset(client: TestClient, info: Any) -> None:
    graph = txt2img()
    graph["4"]["inputs"]["ckpt_name"] = {"__type": "core/ASSET", "info": info}
    refused(client.post(JOBS, json={"workflow": graph}), 422, "missing_asset")


WRONG_LABELS = [
    {f"k{number}": "v" for number in range(17)},
    {"": "v"},
    {"k" * 41: "v"},
    {"two words": "v"},
    {"k:y": "v"},
    {"k": "ü" * 129},
    {"k": "a\nb"},
    {"k": "a\0b"},
    {"k": "\u202eabc"},
    {"k": 5},
    {"k": None},
    "text",
    [],
]


@pytest.mark.parametrize("labels", WRONG_LABELS, ids=repr)
def test_wrong_labels_are_refused(client: TestClient, labels: Any) -> None:
    refused(client.post(JOBS, json={"workflow": txt2img(), "metadata": labels}), 422, "metadata_invalid")


def test_a_lone_surrogate_in_a_label_is_refused(client: TestClient) -> None:
    body = '{"workflow": {}, "metadata": {"k": "\\ud800"}}'
    response = client.post(JOBS, content=body, headers={"Content-Type": "application/json"})
    assert response.status_code == 422


@pytest.mark.parametrize(
    "field",
    [
        {"webhook_url": "http://example.org/"},
        {"webhook_url": 7},
        {"inputs": {}},
        {"extra_data": {"api_key_comfy_org": "not allowed: blanks"}},
        {"extra_data": {"other": 1}},
        {"priority": 10},
        {"priority": -1},
        {"priority": "high"},
        {"previews": "yes"},
        {"no_such_field": 1},
    ],
    ids=repr,
)
def test_what_is_reserved_or_unknown_is_refused(client: TestClient, messenger: Messenger, field: Any) -> None:
    error = refused(client.post(JOBS, json={"workflow": txt2img(), **field}), 422, "invalid_request")
    assert next(iter(field)) in error.message
    assert "not allowed" not in error.message
    assert jobs_made(messenger) == 0


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b'{"workflow": {}, "workflow": {}}', b"[" * 300])
def test_what_is_no_json_is_refused_in_the_same_form(client: TestClient, content: bytes) -> None:
    response = client.post(JOBS, content=content, headers={"Content-Type": "application/json"})
    refused(response, 422, "invalid_request")


def test_a_body_of_another_type_or_too_large_is_refused_in_the_same_form(client: TestClient) -> None:
    refused(client.post(JOBS, content=b"{}", headers={"Content-Type": "text/plain"}), 422, "invalid_request")
    large = {"workflow": {"1": "x" * 1_100_000}}
    refused(client.post(JOBS, json=large), 413, "invalid_request")


@pytest.mark.parametrize("path", ["/api/v2/", "/api/v2/nothing", "/api/v2/jobs/job_aaaaaaaa/else"])
def test_an_unknown_address_is_refused_in_the_same_form(client: TestClient, path: str) -> None:
    refused(client.get(path), 404, "not_found")


def test_a_wrong_method_is_refused_in_the_same_form(client: TestClient) -> None:
    response = client.delete(JOBS)
    refused(response, 405, "invalid_request")
    assert response.headers["allow"] == "GET, HEAD, POST"


NAMES = ["1", "job_", "job_aaaaaaaa", "job_AAAAAAAA", "job_1111", "7f3d2c1b-9a8e-4d6f-b012-3c4d5e6f7a8b", "x" * 999]


@pytest.mark.parametrize("name", NAMES, ids=lambda name: name[:20])
def test_what_names_no_job_is_not_found(client: TestClient, name: str) -> None:
    for method, rest in (("GET", ""), ("GET", "/workflow"), ("GET", "/events"), ("POST", "/cancel")):
        refused(client.request(method, f"{JOBS}/{name}{rest}"), 404, "not_found")


def test_cancelling_ends_a_job_that_waits_and_twice_is_once(client: TestClient) -> None:
    made = posted(client, txt2img())
    for _ in range(2):
        answer = client.post(made["urls"]["cancel"])
        assert answer.status_code == 200
        assert held(Job, answer.json()).status.value == "canceled"

"""POST /api/v1/generation-jobs/: what is accepted, with what answer, and how each wrong body is refused."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import redis
from sqlalchemy import Engine, event
from starlette.testclient import TestClient

from shared.configuration.settings import Settings
from shared.messaging.messages import RunComfyJob
from shared.messaging.messenger import Messenger
from shared.models import EventType, JobStatus
from shared.workflows.parameters import LARGEST_SEED
from tests.jobs import events, job

URL = "/api/v1/generation-jobs/"
LEAST = {"prompt": "a cat", "checkpoint_model": "sd15"}


def post(client: TestClient, **values: Any) -> Any:
    return client.post(URL, json={**LEAST, **values})


def test_an_accepted_job_is_shown_where_it_will_be_found(client: TestClient) -> None:
    response = post(client)
    assert response.status_code == 201
    assert response.headers["location"] == f"{URL}{response.json()['id']}"
    shown = client.get(response.headers["location"]).json()
    accepted = response.json()
    assert accepted.pop("notes")
    assert accepted.items() <= shown.items()


def test_the_answer_has_what_will_be_run_with_every_default(client: TestClient) -> None:
    body = post(client, negative_prompt="dog", lora_models=[{"name": "x"}], sampler_params={"seed": 3}).json()
    assert body["status"] == "queued"
    assert body["lora_models"] == [{"name": "x", "strength_model": 0.8, "strength_clip": 0.8}]
    assert (body["width"], body["height"], body["batch_size"]) == (832, 1216, 1)
    assert body["sampler_params"] == {
        "seed": 3,
        "steps": 28,
        "cfg": 5.5,
        "sampler_name": "euler",
        "scheduler": "normal",
        "denoise": 1.0,
    }
    assert body["params"] == {"clip_skip": 1, "vae_name": None, "previews": False}
    assert body["outputs"] == []
    assert body["error"] is None


def test_its_message_is_sent_under_the_id_that_the_answer_names(
    client: TestClient, redis_client: redis.Redis, settings: Settings
) -> None:
    body = post(client).json()
    messages: Any = redis_client.hvals(f"{settings.redis_ns}:comfy.msgs")
    (message,) = [json.loads(one) for one in messages]
    assert message["message_id"] == body["message_id"]
    assert message["actor_name"] == RunComfyJob.actor_name
    assert message["kwargs"] == {"job_id": body["id"]}


def test_it_is_recorded_before_anybody_is_told(client: TestClient, messenger: Messenger) -> None:
    body = post(client).json()
    recorded = job(messenger, body["id"])
    assert recorded.status is JobStatus.QUEUED
    assert recorded.message_id == body["message_id"]
    assert [event.type for event in events(messenger, recorded.id)] == [EventType.QUEUED]


@pytest.mark.parametrize("seed", [None, -1])
def test_a_seed_that_is_not_given_is_drawn_and_recorded(client: TestClient, seed: int | None) -> None:
    given = {} if seed is None else {"seed": seed}
    first, second = (post(client, sampler_params=given).json()["sampler_params"]["seed"] for _ in range(2))
    assert first >= 0
    assert second >= 0
    assert first != second


def test_the_largest_seed_is_kept_exactly(client: TestClient) -> None:
    body = post(client, sampler_params={"seed": LARGEST_SEED}).json()
    assert client.get(body["links"]["self"]).json()["sampler_params"]["seed"] == LARGEST_SEED


def test_sampler_settings_may_stand_in_params_too(client: TestClient) -> None:
    body = post(client, params={"steps": 9, "clip_skip": 2}, sampler_params={"cfg": 3, "steps": 9}).json()
    assert (body["sampler_params"]["steps"], body["sampler_params"]["cfg"]) == (9, 3)
    assert body["params"]["clip_skip"] == 2


def test_one_setting_with_two_values_is_refused(client: TestClient) -> None:
    problem = refused(post(client, params={"steps": 9}, sampler_params={"steps": 10}), 422, "invalid_fields")
    assert problem["errors"][0]["code"] == "given_twice"
    assert "`steps`" in problem["errors"][0]["message"]


def refused(response: Any, status: int, code: str) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = response.json()
    assert (problem["status"], problem["code"]) == (status, code)
    assert problem["detail"]
    assert problem["title"]
    return problem


@pytest.mark.parametrize(
    ("values", "field", "code"),
    [
        ({"prompt": ""}, "prompt", "string_too_short"),
        ({"prompt": "x" * 20_001}, "prompt", "string_too_long"),
        ({"prompt": None}, "prompt", "string_type"),
        ({"prompt": "a\0b"}, "prompt", "value_error"),
        ({"checkpoint_model": 5}, "checkpoint_model", "string_type"),
        ({"width": 65}, "width", "multiple_of"),
        ({"width": "64"}, "width", "int_type"),
        ({"width": 64.5}, "width", "int_type"),
        ({"width": True}, "width", "int_type"),
        ({"width": 10**30}, "width", "less_than_equal"),
        ({"batch_size": 9}, "batch_size", "less_than_equal"),
        ({"lora_models": {}}, "lora_models", "tuple_type"),
        ({"lora_models": [{"name": "a"}, {"strength_model": 1}]}, "lora_models[1].name", "missing"),
        ({"lora_models": [{"name": "a", "strength_clip": 11}]}, "lora_models[0].strength_clip", "less_than_equal"),
        ({"sampler_params": {"steps": 0}}, "sampler_params.steps", "greater_than_equal"),
        ({"sampler_params": {"stpes": 20}}, "sampler_params.stpes", "extra_forbidden"),
        ({"params": {"anything": 1}}, "params.anything", "extra_forbidden"),
        ({"user_id": "me"}, "user_id", "extra_forbidden"),
    ],
)
def test_a_wrong_field_is_named_with_what_is_wrong_with_it(
    client: TestClient, values: dict[str, Any], field: str, code: str
) -> None:
    problem = refused(post(client, **values), 422, "invalid_fields")
    assert [(error["field"], error["code"]) for error in problem["errors"]] == [(field, code)]
    assert problem["errors"][0]["message"]
    assert field in problem["detail"]


def test_all_wrong_fields_are_named_at_once(client: TestClient) -> None:
    response = client.post(URL, json={"width": 1, "height": 1})
    problem = refused(response, 422, "invalid_fields")
    assert {error["field"] for error in problem["errors"]} == {"prompt", "checkpoint_model", "width", "height"}


@pytest.mark.parametrize(
    "body", [b"", b"{", b"nonsense", b"\xff\xfe", b'{"prompt": "\\ud800"}', b'{"prompt": }', b"[" * 60]
)
def test_what_is_not_json_is_refused_as_such(client: TestClient, body: bytes) -> None:
    response = client.post(URL, content=body, headers={"Content-Type": "application/json"})
    assert response.status_code in {400, 422}
    refused(response, 400, "invalid_json")


@pytest.mark.parametrize("body", [b"[]", b"null", b'"text"', b"1"])
def test_json_that_is_no_object_is_refused(client: TestClient, body: bytes) -> None:
    response = client.post(URL, content=body, headers={"Content-Type": "application/json"})
    assert refused(response, 422, "invalid_fields")["errors"][0]["field"] == "body"


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_numbers_that_are_none_are_refused(client: TestClient, value: str) -> None:
    body = f'{{"prompt": "x", "checkpoint_model": "y", "sampler_params": {{"cfg": {value}}}}}'
    response = client.post(URL, content=body, headers={"Content-Type": "application/json"})
    assert response.status_code in {400, 422}


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/x-www-form-urlencoded", "application/jsonp"])
def test_a_body_that_does_not_say_it_is_json_is_refused(client: TestClient, content_type: str) -> None:
    response = client.post(URL, content=json.dumps(LEAST), headers={"Content-Type": content_type})
    assert "application/json" in refused(response, 415, "unsupported_media_type")["detail"]


def test_a_charset_beside_the_content_type_is_fine(client: TestClient) -> None:
    headers = {"Content-Type": "application/json; charset=utf-8"}
    assert client.post(URL, content=json.dumps(LEAST), headers=headers).status_code == 201


def test_a_body_that_is_too_large_is_refused(client: TestClient) -> None:
    refused(post(client, prompt="x" * 1_100_000), 413, "body_too_large")


def test_any_text_that_is_a_text_is_kept_as_it_is(client: TestClient) -> None:
    prompt = "naïve 🎨 \u202e gnp.exe \r\n\t'; DROP TABLE generation_jobs; -- {{7*7}} ${x} %s \\ \x7f"
    body = post(client, prompt=prompt).json()
    assert client.get(body["links"]["self"]).json()["prompt"] == prompt


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("DELETE", URL, 405, "method_not_allowed"),
        ("PUT", f"{URL}1", 405, "method_not_allowed"),
        ("GET", f"{URL}1/cancel", 405, "method_not_allowed"),
        ("GET", "/nowhere", 404, "not_found"),
        ("GET", "/api/v1/generation-jobs/1/nothing", 404, "not_found"),
    ],
)
def test_unknown_routes_and_methods_are_problems_too(
    client: TestClient, method: str, path: str, status: int, code: str
) -> None:
    refused(client.request(method, path), status, code)


def test_a_request_has_an_id_of_its_own_or_the_one_it_brings(client: TestClient) -> None:
    assert client.get("/health/live").headers["x-request-id"]
    assert client.get("/health/live", headers={"X-Request-Id": "mine-1"}).headers["x-request-id"] == "mine-1"
    forged = client.get("/health/live", headers={"X-Request-Id": "a b {}"})
    assert forged.headers["x-request-id"] != "a b {}"


@contextmanager
def transactions() -> Iterator[list[list[str]]]:
    """The statements of each transaction that is committed in this process, by one after the other."""
    committed: list[list[str]] = []
    statements: list[str] = []

    def commit(*_: Any) -> None:
        committed.append(statements.copy())
        statements.clear()

    def execute(*given: Any) -> None:
        statements.append(given[2])

    event.listen(Engine, "before_cursor_execute", execute)
    event.listen(Engine, "commit", commit)
    try:
        yield committed
    finally:
        event.remove(Engine, "before_cursor_execute", execute)
        event.remove(Engine, "commit", commit)


@pytest.mark.parametrize(("path", "body"), [("", LEAST), ("bulk", {"jobs": [LEAST] * 3})])
def test_a_submission_is_one_statement_that_writes_and_one_commit(client: TestClient, path: str, body: Any) -> None:
    with transactions() as committed:
        assert client.post(f"{URL}{path}", json=body).status_code == 201
    (statements,) = [found for found in committed if any("insert_jobs" in one for one in found)]
    assert not [one for one in statements if "INSERT" in one]
    assert len([one for one in statements if one.startswith("EXECUTE insert_jobs")]) == 1

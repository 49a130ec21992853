"""What is sent along with a prompt is bounded and kept; what would do harm in a picture or in a list is refused."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from api_service.jobs.extra_data import DEEPEST, LARGEST, MOST_KEYS
from shared.messaging.messenger import Messenger
from tests.api_service.submit.test_resubmitting import retry
from tests.api_service.submit.test_submitting import LEAST, URL, refused
from tests.api_service.submit.test_workflows import EDITORS, WORKFLOW
from tests.jobs import job

PNGINFO = {"workflow": EDITORS, "note": "naïve 🎨", "n": 5}


def sent(client: TestClient, extra_pnginfo: Any, **values: Any) -> Any:
    return client.post(URL, json={"workflow": WORKFLOW, "extra_data": {"extra_pnginfo": extra_pnginfo}, **values})


@pytest.mark.parametrize("what", [LEAST, {"workflow": WORKFLOW}])
def test_it_is_kept_with_the_job_and_shown_to_nobody(
    client: TestClient, messenger: Messenger, what: dict[str, Any]
) -> None:
    body = {**what, "extra_data": {"extra_pnginfo": PNGINFO}}
    answers = [client.post(URL, json=body).json(), client.post(f"{URL}bulk", json={"jobs": [body]}).json()["jobs"][0]]
    for answer in answers:
        assert job(messenger, answer["id"]).extra_pnginfo == PNGINFO
        assert "extra_data" not in client.get(answer["links"]["self"]).json()
    assert client.post(f"{URL}validate", json=body).status_code == 200


def test_a_job_has_none_unless_it_is_sent(client: TestClient, messenger: Messenger) -> None:
    wishes: list[dict[str, Any]] = [{}, {"extra_data": {}}, {"extra_data": {"extra_pnginfo": None}}]
    for values in wishes:
        assert job(messenger, client.post(URL, json={**LEAST, **values}).json()["id"]).extra_pnginfo is None


def test_a_retry_sends_it_too(client: TestClient, messenger: Messenger) -> None:
    parent = sent(client, PNGINFO).json()
    client.post(parent["links"]["cancel"])
    assert job(messenger, retry(client, parent["id"]).json()["id"]).extra_pnginfo == PNGINFO


def test_it_belongs_to_the_request_that_a_key_is_for(client: TestClient) -> None:
    key = {"Idempotency-Key": "k"}
    body = {**LEAST, "extra_data": {"extra_pnginfo": {"a": 1}}}
    assert client.post(URL, json=body, headers=key).status_code == 201
    assert client.post(URL, json=body, headers=key).status_code == 200
    other = {**LEAST, "extra_data": {"extra_pnginfo": {"a": 2}}}
    refused(client.post(URL, json=other, headers=key), 422, "idempotency_key_reused")


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    "odd",
    [
        # A real server's list of jobs fails for everyone.
        "text",
        [],
        5,
        {"workflow": None},
        {"workflow": "text"},
        {"workflow": []},
        # The node that saves fails, or the picture cannot be read.
        {"é": 1},
        {"": 1},
        {" ": 1},
        {"a\n": 1},
        {"x" * 80: 1},
        {"prompt": {}},
        {f"k{number}": 1 for number in range(MOST_KEYS + 1)},
        # It cannot be kept.
        {"a": "b\0"},
        {"a": {"\0": 1}},
        {"a": 2**70},
        {"a": nested(DEEPEST)},
        {"a": "x" * LARGEST},
    ],
)
def test_what_would_do_harm_is_refused_by_field(client: TestClient, odd: Any) -> None:
    problem = refused(sent(client, odd), 422, "invalid_fields")
    assert [error["field"] for error in problem["errors"]] == ["extra_data.extra_pnginfo"]
    assert len(problem["errors"][0]["message"]) < 300
    batch = client.post(f"{URL}bulk", json={"jobs": [{**LEAST, "extra_data": {"extra_pnginfo": odd}}]})
    assert refused(batch, 422, "invalid_fields")["errors"][0]["field"] == "jobs[0].extra_data.extra_pnginfo"


@pytest.mark.parametrize(
    "good", [{}, {"x" * 79: 1}, {"a b": None}, {"a": nested(DEEPEST - 2)}, {"a": "x" * (LARGEST - 8)}]
)
def test_what_does_none_is_taken(client: TestClient, messenger: Messenger, good: Any) -> None:
    answer = sent(client, good)
    assert answer.status_code == 201, answer.text
    assert job(messenger, answer.json()["id"]).extra_pnginfo == good


@pytest.mark.parametrize("name", ["preview_method", "client_id", "comfy_usage_source", "anything"])
def test_nothing_else_can_be_sent_along(client: TestClient, name: str) -> None:
    problem = refused(client.post(URL, json={**LEAST, "extra_data": {name: "x"}}), 422, "invalid_fields")
    assert [(error["field"], error["code"]) for error in problem["errors"]] == [
        (f"extra_data.{name}", "extra_forbidden")
    ]

"""POST .../bulk: up to a hundred jobs, all or none."""

import json
from typing import Any

import pytest
import redis
from sqlalchemy import Engine, delete, event, func
from sqlmodel import col, select
from starlette.testclient import TestClient

from api_service.doors.v1.jobs.bodies import LARGEST_BATCH
from api_service.main import create_app
from shared.configuration.settings import Settings, load_settings
from shared.jobs.before_start import submit_all
from shared.messaging.messenger import Messenger
from shared.models import EventType, GenerationJob, JobStatus
from tests.api_service.conftest import bearer, without_notes
from tests.api_service.submit.test_submitting import LEAST, URL, refused
from tests.api_service.submit.test_workflows import WORKFLOW
from tests.jobs import events, job, new_job

BULK = f"{URL}bulk"


def post(client: TestClient, *jobs: dict[str, Any], **headers: str) -> Any:
    return client.post(BULK, json={"jobs": jobs}, headers=headers)


def jobs_of(messenger: Messenger) -> int:
    with messenger.transaction() as session:
        return session.exec(select(func.count()).select_from(GenerationJob)).one()


def test_a_batch_is_its_jobs_in_their_order(client: TestClient, messenger: Messenger) -> None:
    asked = [{**LEAST, "prompt": f"cat {number}"} for number in range(100)]
    response = post(client, *asked)
    assert response.status_code == 201
    body = response.json()
    assert [one["prompt"] for one in body["jobs"]] == [one["prompt"] for one in asked]
    assert {one["batch_id"] for one in body["jobs"]} == {body["batch_id"]}
    assert {one["status"] for one in body["jobs"]} == {"queued"}
    numbers = [one["id"] for one in body["jobs"]]
    assert numbers == sorted(set(numbers))
    for one in (body["jobs"][0], body["jobs"][99]):
        assert without_notes(one).items() <= without_notes(client.get(one["links"]["self"]).json()).items()
        assert [event.type for event in events(messenger, one["id"])] == [EventType.QUEUED]


def test_its_jobs_may_be_of_every_kind(client: TestClient) -> None:
    jobs = post(client, LEAST, {"workflow": WORKFLOW}, {**LEAST, "delay_seconds": 60}, {**LEAST, "priority": 9}).json()
    told = [(one["job_type"], one["status"], one["priority"]) for one in jobs["jobs"]]
    assert told == [("image", "queued", 5), ("workflow", "queued", 5), ("image", "pending", 5), ("image", "queued", 9)]


def test_each_queued_job_has_its_own_message(client: TestClient, redis_client: redis.Redis, settings: Settings) -> None:
    jobs = post(client, *[LEAST] * 20, {**LEAST, "delay_seconds": 60}).json()["jobs"]
    messages: Any = redis_client.hvals(f"{settings.redis_ns}:comfy.msgs")
    sent = {(message["message_id"], message["kwargs"]["job_id"]) for message in map(json.loads, messages)}
    assert sent == {(one["message_id"], one["id"]) for one in jobs[:20]}
    assert jobs[20]["message_id"] is None
    assert redis_client.llen(f"{settings.redis_ns}:comfy") == 20


def test_what_is_wrong_is_told_with_its_index_and_nothing_is_recorded(client: TestClient, messenger: Messenger) -> None:
    jobs: list[dict[str, Any]] = [
        LEAST,
        {**LEAST, "width": 65},
        {"workflow": 1},
        {"prompt": "x"},
        {**LEAST, "workflow": {}},
    ]
    problem = refused(post(client, *jobs), 422, "invalid_fields")
    assert [error["field"] for error in problem["errors"]] == [
        "jobs[1].width",
        "jobs[2].workflow",
        "jobs[3].checkpoint_model",
        "jobs[4].prompt",
        "jobs[4].checkpoint_model",
    ]
    problem = refused(post(client, LEAST, {"workflow": {"1": 5}}), 422, "invalid_fields")
    assert [error["field"] for error in problem["errors"]] == ["jobs[1].workflow.1"]
    assert jobs_of(messenger) == 0


@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        ({"jobs": []}, "jobs", "too_short"),
        ({"jobs": [LEAST] * 101}, "jobs", "too_long"),
        ({"jobs": {}}, "jobs", "list_type"),
        ({"jobs": [None]}, "jobs[0]", "model_type"),
        ({}, "jobs", "missing"),
        ({"jobs": [LEAST], "batch_id": "mine"}, "batch_id", "extra_forbidden"),
    ],
)
def test_a_batch_that_is_none_is_refused(client: TestClient, body: Any, field: str, code: str) -> None:
    problem = refused(client.post(BULK, json=body), 422, "invalid_fields")
    assert [(error["field"], error["code"]) for error in problem["errors"]] == [(field, code)]


def test_a_batch_may_be_larger_than_a_job_but_not_without_end(client: TestClient) -> None:
    long = {**LEAST, "prompt": "x" * 20_000}
    assert post(client, *[long] * 60).status_code == 201
    content = b'{"jobs": [' + b" " * LARGEST_BATCH
    response = client.post(BULK, content=content, headers={"Content-Type": "application/json"})
    refused(response, 413, "body_too_large")


def test_the_same_batch_again_is_the_same_batch_again(client: TestClient, messenger: Messenger) -> None:
    key = {"Idempotency-Key": "k"}
    first, again = post(client, LEAST, LEAST, **key), post(client, LEAST, LEAST, **key)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.headers["idempotency-replayed"] == "true"
    assert without_notes(again.json()) == without_notes(first.json())
    refused(post(client, LEAST, **key), 422, "idempotency_key_reused")
    assert jobs_of(messenger) == 2


def test_a_batch_is_told_again_without_what_was_deleted_of_it(client: TestClient, messenger: Messenger) -> None:
    key = {"Idempotency-Key": "k"}
    first, second = post(client, LEAST, LEAST, **key).json()["jobs"]
    with messenger.transaction() as session:
        session.execute(delete(GenerationJob).where(col(GenerationJob.id) == second["id"]))
    assert [one["id"] for one in post(client, LEAST, LEAST, **key).json()["jobs"]] == [first["id"]]


def test_without_redis_all_of_them_wait(environ: dict[str, str], key: str, messenger: Messenger) -> None:
    settings = load_settings({**environ, "REDIS_URL": "redis://127.0.0.1:9/3"})
    with TestClient(create_app(settings), headers=bearer(key)) as client:
        jobs = post(client, *[LEAST] * 5).json()["jobs"]
    assert {one["status"] for one in jobs} == {"pending"}
    assert {job(messenger, one["id"]).status for one in jobs} == {JobStatus.PENDING}


def test_a_hundred_rows_and_their_events_are_written_in_one_statement(engine: Engine, messenger: Messenger) -> None:
    statements: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *given: statements.append(given[2]))
    with messenger.transaction() as session:
        submit_all(session, [new_job(negative_prompt=None if number % 2 else "x") for number in range(100)])
    assert len(statements) == 1

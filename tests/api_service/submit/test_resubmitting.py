"""POST /{id}/retry: a job that has ended, again, as a new job that names its parent."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import Engine, delete
from sqlmodel import col
from starlette.testclient import TestClient

from shared.jobs import before_start, lifecycle
from shared.jobs.errors import Poison
from shared.messaging.messenger import Messenger
from shared.models import GenerationJob, JobStatus, Scope
from shared.workflows.parameters import LARGEST_SEED
from tests.api_service.conftest import bearer, new_key
from tests.api_service.submit.test_submitting import LEAST, URL, refused
from tests.api_service.submit.test_workflows import with_inputs
from tests.jobs import USER, job, new_job, running


def ended(client: TestClient, **values: Any) -> dict[str, Any]:
    """A job that was submitted and cancelled."""
    body = client.post(URL, json=values or LEAST).json()
    return client.post(body["links"]["cancel"]).json()  # type: ignore[no-any-return]


def retry(client: TestClient, job_id: int, **values: Any) -> Any:
    return client.post(f"{URL}{job_id}/retry", json=values)


ASKED = {
    **LEAST,
    "negative_prompt": "dog",
    "lora_models": [{"name": "x"}],
    "width": 64,
    "sampler_params": {"steps": 3},
    "params": {"clip_skip": 2, "previews": True},
    "priority": 8,
    "metadata": {"order": 7},
    "max_attempts": 2,
}
SAME = (
    *("job_type", "prompt", "negative_prompt", "checkpoint_model", "lora_models", "width", "height", "batch_size"),
    *("sampler_params", "params", "priority", "metadata", "max_attempts"),
)


def test_it_asks_for_the_same_with_the_same_seed(client: TestClient, messenger: Messenger) -> None:
    parent = ended(client, **ASKED, deadline_seconds=60)
    response = retry(client, parent["id"])
    assert response.status_code == 201
    body = response.json()
    assert {name: body[name] for name in SAME} == {name: parent[name] for name in SAME}
    assert (body["parent_id"], body["status"], body["attempt"]) == (parent["id"], "queued", 0)
    assert (body["deadline_at"], body["batch_id"]) == (None, None)
    assert body["id"] != parent["id"]
    assert response.headers["location"] == body["links"]["self"]
    assert job(messenger, body["id"]).workflow_key == job(messenger, parent["id"]).workflow_key
    assert job(messenger, parent["id"]).status is JobStatus.CANCELLED


@pytest.mark.parametrize("headers", [{}, {"Content-Type": "application/json"}, {"Content-Type": "text/plain"}], ids=str)
def test_it_needs_no_body(client: TestClient, headers: dict[str, str]) -> None:
    parent = ended(client)
    key = {"Idempotency-Key": "once"}
    response = client.post(f"{URL}{parent['id']}/retry", headers={**headers, **key})
    assert response.status_code == 201
    assert response.json()["sampler_params"] == parent["sampler_params"]
    again = client.post(f"{URL}{parent['id']}/retry", json={}, headers=key)
    assert (again.status_code, again.json()["id"]) == (200, response.json()["id"]), "the same as an empty object"


def test_a_body_that_is_sent_says_what_it_is(client: TestClient) -> None:
    response = client.post(f"{URL}{ended(client)['id']}/retry", content='{"seed": "new"}')
    refused(response, 415, "unsupported_media_type")


def test_it_may_have_a_new_seed_or_a_given_one(client: TestClient) -> None:
    parent = ended(client)
    new = retry(client, parent["id"], seed="new").json()["sampler_params"]["seed"]
    assert new >= 0
    assert new != parent["sampler_params"]["seed"]
    for seed in (0, LARGEST_SEED):
        assert retry(client, parent["id"], seed=seed).json()["sampler_params"]["seed"] == seed


def test_a_workflow_is_tried_again_with_all_its_seeds(client: TestClient) -> None:
    workflow = with_inputs("3", noise_seed=7)
    parent = ended(client, workflow=workflow, params={"previews": True})
    same = retry(client, parent["id"]).json()
    assert (same["workflow"], same["params"], same["job_type"]) == (workflow, {"previews": True}, "workflow")
    new = retry(client, parent["id"], seed="new").json()["workflow"]["3"]["inputs"]
    assert new["seed"] not in {5, new["noise_seed"]}
    given = retry(client, parent["id"], seed=11).json()["workflow"]["3"]["inputs"]
    assert (given["seed"], given["noise_seed"]) == (11, 11)


def test_a_workflow_without_a_seed_cannot_have_another(client: TestClient) -> None:
    parent = ended(client, workflow={"9": {"class_type": "SaveImage", "inputs": {"filename_prefix": "a"}}})
    assert retry(client, parent["id"]).status_code == 201
    problem = refused(retry(client, parent["id"], seed="new"), 422, "invalid_fields")
    assert [(error["field"], error["code"]) for error in problem["errors"]] == [("seed", "no_seed")]


def test_a_job_that_failed_can_be_tried_again_and_so_can_that_one(client: TestClient, messenger: Messenger) -> None:
    claim = running(messenger)
    with messenger.transaction() as session:
        lifecycle.fail(session, claim.lease, Poison(3))
    child = retry(client, claim.job.id).json()
    client.post(child["links"]["cancel"])
    assert retry(client, child["id"]).json()["parent_id"] == child["id"]


def test_a_job_that_has_not_ended_cannot(client: TestClient, messenger: Messenger) -> None:
    waits = client.post(URL, json=LEAST).json()
    assert "queued" in refused(retry(client, waits["id"]), 409, "job_not_ended")["detail"]


@pytest.mark.parametrize("seed", [-1, LARGEST_SEED + 1, "other", "", None, 1.5, True, [1]])
def test_a_seed_that_is_none_is_refused_in_one_sentence(client: TestClient, seed: Any) -> None:
    parent = ended(client)
    problem = refused(retry(client, parent["id"], seed=seed), 422, "invalid_fields")
    assert [(error["field"], error["code"]) for error in problem["errors"]] == [("seed", "seed")]


def test_nothing_else_can_be_changed(client: TestClient) -> None:
    problem = refused(retry(client, ended(client)["id"], width=64), 422, "invalid_fields")
    assert [error["field"] for error in problem["errors"]] == ["width"]


def test_a_job_of_the_former_system_is_refused_with_what_does_not_fit(client: TestClient, messenger: Messenger) -> None:
    old = new_job(width=100, params={"seed": 1, "anything": 2})
    old.status = JobStatus.FAILED
    with messenger.transaction() as session:
        session.add(old)
    problem = refused(retry(client, old.id), 422, "job_not_repeatable")
    assert {error["field"] for error in problem["errors"]} == {"width", "params.anything"}


@pytest.mark.parametrize("name", ["7", "x", "0", "99999999999"])
def test_a_job_that_is_not_there_cannot_be_tried_again(client: TestClient, name: str) -> None:
    refused(client.post(f"{URL}{name}/retry", json={}), 404, "job_not_found")


def test_anothers_job_is_not_there(client: TestClient, engine: Engine) -> None:
    parent = ended(client)
    another = bearer(new_key(engine, Scope.WRITE, another=True))
    answer = client.post(f"{URL}{parent['id']}/retry", json={}, headers=another)
    nothing = client.post(f"{URL}999/retry", json={}, headers=another)
    assert answer.json() == {**nothing.json(), "detail": nothing.json()["detail"].replace("999", str(parent["id"]))}
    assert answer.status_code == 404


def test_what_an_admin_tries_again_stays_its_owners(client: TestClient, engine: Engine, messenger: Messenger) -> None:
    parent = ended(client)
    admin = bearer(new_key(engine, Scope.ADMIN, another=True))
    child = client.post(f"{URL}{parent['id']}/retry", json={}, headers=admin).json()
    assert job(messenger, child["id"]).user_id == USER
    assert client.get(child["links"]["self"]).status_code == 200


def delete_job(messenger: Messenger, job_id: int) -> None:
    with messenger.transaction() as session:
        session.execute(delete(GenerationJob).where(col(GenerationJob.id) == job_id))


def test_the_same_retry_again_is_the_same_job_even_when_its_parent_is_gone(
    client: TestClient, messenger: Messenger
) -> None:
    parent = ended(client)
    url, key = f"{URL}{parent['id']}/retry", {"Idempotency-Key": "k"}
    first = client.post(url, json={"seed": "new"}, headers=key)
    delete_job(messenger, parent["id"])
    again = client.post(url, json={"seed": "new"}, headers=key)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json()["id"] == first.json()["id"]
    assert again.json()["parent_id"] is None
    refused(client.post(url, json={}, headers=key), 422, "idempotency_key_reused")
    refused(client.post(url, json={}), 404, "job_not_found")


def test_retries_against_a_deletion_are_made_or_refused_and_nothing_between(
    client: TestClient, messenger: Messenger
) -> None:
    parent = ended(client)
    barrier = Barrier(11)

    def try_again(_: int) -> Any:
        barrier.wait()
        return retry(client, parent["id"])

    with ThreadPoolExecutor(11) as threads:
        answers = threads.map(try_again, range(10))
        barrier.wait()
        delete_job(messenger, parent["id"])
        for answer in answers:
            if answer.status_code == 201:
                assert job(messenger, answer.json()["id"]).parent_id is None
            else:
                refused(answer, 404, "job_not_found")


def test_a_job_that_expired_can_be_tried_again_without_its_deadline(client: TestClient, messenger: Messenger) -> None:
    late = client.post(URL, json={**LEAST, "deadline_seconds": 0.001}).json()
    with messenger.transaction() as session:
        before_start.expire(session, before_start.overdue(session, 10))
    body = retry(client, late["id"]).json()
    assert (body["status"], body["deadline_at"]) == ("queued", None)

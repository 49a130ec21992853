"""/api/v1/quarantine, and what is refused for it."""

from typing import Any

import pytest
from sqlalchemy import Engine
from starlette.testclient import TestClient

from api_service.main import create_app
from shared.configuration.settings import Settings
from shared.messaging.messenger import Messenger
from shared.models import Scope
from shared.workflows.fingerprint import fingerprint_of
from tests.api_service.conftest import bearer, new_key
from tests.api_service.quick_api import QUICK
from tests.api_service.submit.test_workflows import WORKFLOW
from tests.jobs import ANOTHER_USER, job
from tests.quarantine import FINGERPRINT, SERVERS, quarantined, suspect

JOBS = "/api/v1/generation-jobs/"
QUARANTINE = "/api/v1/quarantine"
PICTURE = {"prompt": "a cat", "checkpoint_model": "sd15.safetensors"}


def refusal(response: Any) -> tuple[int, str, list[str]]:
    body = response.json()
    return response.status_code, body["code"], [error["field"] for error in body["errors"]]


def test_a_workflow_in_quarantine_is_refused_with_what_happened(client: TestClient, messenger: Messenger) -> None:
    quarantined(messenger, fingerprint_of(WORKFLOW))
    response = client.post(JOBS, json={"workflow": WORKFLOW})
    assert refusal(response) == (409, "workflow_quarantined", ["workflow"])
    said = response.json()["detail"]
    assert "3 attempts in a row ended with prompt_lost, on 3 servers" in said
    assert f"DELETE {QUARANTINE}/{fingerprint_of(WORKFLOW)}" in said
    assert refusal(client.post(f"{JOBS}validate", json={"workflow": WORKFLOW}))[0] == 409
    batch = client.post(f"{JOBS}bulk", json={"jobs": [PICTURE, {"workflow": WORKFLOW}]})
    assert refusal(batch) == (409, "workflow_quarantined", ["jobs[1].workflow"])
    assert client.get(JOBS).json()["items"] == []


def test_only_that_workflow_is_refused_whatever_its_seed(client: TestClient, messenger: Messenger) -> None:
    quarantined(messenger, fingerprint_of(WORKFLOW))
    sampler = {**WORKFLOW["3"], "inputs": {**WORKFLOW["3"]["inputs"], "seed": 77}}
    assert client.post(JOBS, json={"workflow": {**WORKFLOW, "3": sampler}}).status_code == 409
    sampler = {**WORKFLOW["3"], "inputs": {**WORKFLOW["3"]["inputs"], "steps": 77}}
    assert client.post(JOBS, json={"workflow": {**WORKFLOW, "3": sampler}}).status_code == 201


def test_a_picture_from_words_has_a_workflow_too(settings: Settings, key: str, messenger: Messenger) -> None:
    with TestClient(create_app(settings, QUICK), headers=bearer(key)) as before:
        made = before.post(JOBS, json=PICTURE).json()
        before.post(f"{JOBS}{made['id']}/cancel")
    fingerprint = job(messenger, made["id"]).workflow_key
    assert fingerprint is not None
    quarantined(messenger, fingerprint)
    with TestClient(create_app(settings, QUICK), headers=bearer(key)) as client:
        refused_as_a_picture(client, made["id"])


def refused_as_a_picture(client: TestClient, job_id: int) -> None:
    assert refusal(client.post(JOBS, json=PICTURE)) == (409, "workflow_quarantined", ["body"])
    assert refusal(client.post(f"{JOBS}{job_id}/retry"))[:2] == (409, "workflow_quarantined")


def test_a_workflow_that_is_only_suspect_is_accepted(client: TestClient, messenger: Messenger) -> None:
    quarantined(messenger, fingerprint_of(WORKFLOW), quarantined_at=None)
    assert client.post(JOBS, json={"workflow": WORKFLOW}).status_code == 201
    assert client.get(QUARANTINE).json()["items"] == []


def test_a_schedule_of_such_a_workflow_is_refused(client: TestClient, messenger: Messenger) -> None:
    quarantined(messenger, fingerprint_of(WORKFLOW))
    body = {"name": "nightly", "cron": "@daily", "job": {"workflow": WORKFLOW}}
    assert refusal(client.post("/api/v1/schedules", json=body))[:2] == (409, "workflow_quarantined")


def test_users_see_what_their_jobs_brought_there_and_admins_all(
    client: TestClient, engine: Engine, messenger: Messenger
) -> None:
    quarantined(messenger)
    quarantined(messenger, "00000000000000bb", user_ids=[ANOTHER_USER])
    (own,) = client.get(QUARANTINE).json()["items"]
    assert (own["fingerprint"], own["code"], own["attempts"]) == (FINGERPRINT, "prompt_lost", 3)
    assert (own["servers"], own["job_id"]) == (SERVERS[:3], None)
    admin = bearer(new_key(engine, Scope.ADMIN))
    pages = [client.get(QUARANTINE, params={"limit": 1}, headers=admin).json()]
    pages.append(client.get(pages[0]["next"], headers=admin).json())
    assert [one["fingerprint"] for page in pages for one in page["items"]] == ["00000000000000bb", FINGERPRINT]
    assert pages[1]["next"] is None
    assert pages[1]["items"][0]["job_id"] == 1


def test_an_admin_releases_a_workflow(client: TestClient, engine: Engine, messenger: Messenger) -> None:
    fingerprint = fingerprint_of(WORKFLOW)
    quarantined(messenger, fingerprint)
    assert client.delete(f"{QUARANTINE}/{fingerprint}").status_code == 403
    admin = bearer(new_key(engine, Scope.ADMIN))
    assert client.delete(f"{QUARANTINE}/{fingerprint}", headers=admin).status_code == 204
    assert suspect(messenger, fingerprint) is None
    assert client.post(JOBS, json={"workflow": WORKFLOW}).status_code == 201


@pytest.mark.parametrize("fingerprint", [FINGERPRINT, "x", "%00"])
def test_what_is_not_there_is_not_released(client: TestClient, engine: Engine, fingerprint: str) -> None:
    response = client.delete(f"{QUARANTINE}/{fingerprint}", headers=bearer(new_key(engine, Scope.ADMIN)))
    assert (response.status_code, response.json()["code"]) == (404, "quarantine_not_found")

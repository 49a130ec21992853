"""A job is pinned when it is submitted, or at any time after; lists tell pinned ones from the others."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from shared.messaging.messenger import Messenger
from tests.api_service.conftest import bearer, new_key
from tests.jobs import job, running, submitted

URL = "/api/v1/generation-jobs"


def pinned(client: TestClient, job_id: int, value: Any = True, **values: Any) -> Any:
    return client.patch(f"{URL}/{job_id}", json={"pinned": value, **values})


def listed(client: TestClient, **query: Any) -> list[int]:
    return [item["id"] for item in client.get(f"{URL}/", params=query).json()["items"]]


def test_a_job_is_pinned_as_it_is_submitted(client: TestClient) -> None:
    body = {"prompt": "a cat", "checkpoint_model": "sd15"}
    kept = client.post(f"{URL}/", json={**body, "pinned": True}).json()
    other = client.post(f"{URL}/", json=body).json()
    assert (kept["pinned"], other["pinned"]) == (True, False)
    assert (listed(client, pinned=True), listed(client, pinned=False)) == ([kept["id"]], [other["id"]])
    assert [item["pinned"] for item in client.get(f"{URL}/").json()["items"]] == [False, True]


def test_a_job_is_pinned_at_any_time_and_its_version_tells(client: TestClient, messenger: Messenger) -> None:
    job_id = running(messenger).job.id
    before = client.get(f"{URL}/{job_id}").headers["ETag"]
    assert pinned(client, job_id).json()["pinned"] is True
    assert client.get(f"{URL}/{job_id}").headers["ETag"] != before
    assert pinned(client, job_id, False).json()["pinned"] is False
    assert job(messenger, job_id).status == "running"


def test_all_of_an_amendment_is_made_or_nothing(client: TestClient, messenger: Messenger) -> None:
    job_id = running(messenger).job.id
    refused = pinned(client, job_id, priority=9)
    assert (refused.status_code, refused.json()["code"]) == (409, "job_started")
    assert job(messenger, job_id).pinned is False
    waiting = submitted(messenger)
    changed = pinned(client, waiting, priority=9).json()
    assert (changed["pinned"], changed["priority"]) == (True, 9)


@pytest.mark.parametrize("value", ["yes", 1, "true", []])
def test_pinned_is_true_or_false(client: TestClient, messenger: Messenger, value: Any) -> None:
    refused = pinned(client, submitted(messenger), value)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["field"] == "pinned"


def test_anothers_job_is_not_pinned(client: TestClient, messenger: Messenger) -> None:
    job_id = submitted(messenger)
    stranger = bearer(new_key(messenger.engine, another=True))
    response = client.patch(f"{URL}/{job_id}", json={"pinned": True}, headers=stranger)
    assert response.json()["code"] == "job_not_found"
    assert job(messenger, job_id).pinned is False

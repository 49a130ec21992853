"""PATCH .../{id}: the priority and the metadata of a job that waits, and of no other."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
from starlette.testclient import TestClient

from shared.messaging.messenger import Messenger
from shared.models import JobStatus
from tests.api_service.conftest import bearer, new_key
from tests.jobs import answering, claimed, job, running, submitted

URL = "/api/v1/generation-jobs"


def amended(client: TestClient, job_id: int, **values: Any) -> Any:
    return client.patch(f"{URL}/{job_id}", json=values)


def test_a_job_that_waits_gets_another_priority_and_other_metadata(client: TestClient, messenger: Messenger) -> None:
    first, second = submitted(messenger, caller_metadata={"a": 1}), submitted(messenger)
    response = amended(client, second, priority=9, metadata={"b": [1, {"c": None}]})
    assert response.status_code == 200
    assert (response.json()["priority"], response.json()["metadata"]) == (9, {"b": [1, {"c": None}]})
    assert amended(client, first, metadata={}).json()["metadata"] == {}
    assert job(messenger, first).priority == 5
    answering(messenger, slots=100)
    claim = claimed(messenger)
    assert claim is not None
    assert claim.job.id == second


def test_a_job_whose_time_has_not_come_waits_too(client: TestClient, messenger: Messenger) -> None:
    job_id = submitted(messenger, run_after=datetime.now(UTC) + timedelta(hours=1))
    assert amended(client, job_id, priority=0).json()["status"] == "pending"
    assert job(messenger, job_id).priority == 0


def test_a_job_that_was_started_or_has_ended_stays_as_it_is(client: TestClient, messenger: Messenger) -> None:
    claim, cancelled = running(messenger), submitted(messenger)
    client.post(f"{URL}/{cancelled}/cancel")
    for job_id, status in ((claim.job.id, "running"), (cancelled, "cancelled")):
        for change in ({"priority": 9}, {"metadata": {"a": 1}}):
            response = amended(client, job_id, **change)
            assert (response.status_code, response.json()["code"]) == (409, "job_started")
            assert status in response.json()["detail"]
        assert (job(messenger, job_id).priority, job(messenger, job_id).caller_metadata) == (5, {})


def test_anothers_job_is_not_found(client: TestClient, messenger: Messenger) -> None:
    job_id = submitted(messenger)
    stranger = bearer(new_key(messenger.engine, another=True))
    response = client.patch(f"{URL}/{job_id}", json={"priority": 9}, headers=stranger)
    assert (response.status_code, response.json()["code"]) == (404, "job_not_found")
    assert job(messenger, job_id).priority == 5


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ("{}", 422, "body"),
        ('{"priority": null}', 422, "body"),
        ('{"priority": 10}', 422, "priority"),
        ('{"priority": -1}', 422, "priority"),
        ('{"priority": "9"}', 422, "priority"),
        ('{"priority": true}', 422, "priority"),
        ('{"priority": 1e400}', 422, "priority"),
        ('{"metadata": []}', 422, "metadata"),
        ('{"metadata": {"a": NaN}}', 422, "metadata"),
        ('{"metadata": {"a": 1e999}}', 422, "metadata"),
        ('{"metadata": {"a": [{"b": "\\u0000"}]}}', 422, "metadata"),
        ('{"metadata": {"a\\u0000": 1}}', 422, "metadata"),
        ('{"metadata": {"a": "%s"}}' % ("x" * 4089), 422, "metadata"),
        ('{"metadata": {"a": "\\ud800"}}', 400, None),
        ('{"status": "completed"}', 422, "status"),
        ('{"user_id": "x", "priority": 1}', 422, "user_id"),
        ("[]", 422, "body"),
        ("", 400, None),
    ],
)
def test_what_cannot_be_changed_is_refused(
    client: TestClient, messenger: Messenger, body: str, status: int, field: str | None
) -> None:
    job_id = submitted(messenger)
    response = client.patch(f"{URL}/{job_id}", content=body, headers={"Content-Type": "application/json"})
    assert response.status_code == status
    if field:
        assert response.json()["errors"][0]["field"] == field


def test_metadata_may_be_as_large_as_is_said(client: TestClient, messenger: Messenger) -> None:
    largest = {"a": "x" * 4087, "b": 0}
    del largest["b"]
    response = amended(client, submitted(messenger), metadata={"a": "x" * 4088})
    assert response.status_code == 200


def test_a_claim_comes_before_or_after_a_change(client: TestClient, messenger: Messenger) -> None:
    """What was answered is what the worker has."""
    answering(messenger, slots=100)
    for _ in range(20):
        job_id = submitted(messenger)
        start = Barrier(2)

        def change(job_id: int = job_id, start: Barrier = start) -> int:
            start.wait()
            status: int = amended(client, job_id, priority=9, metadata={"a": 1}).status_code
            return status

        def take(start: Barrier = start) -> Any:
            start.wait()
            return claimed(messenger)

        with ThreadPoolExecutor(2) as threads:
            changing, taking = threads.submit(change), threads.submit(take)
            status, claim = changing.result(), taking.result()
        # A claim passes over a row that is being changed.
        claim = claim or claimed(messenger)
        assert claim is not None
        assert (claim.job.id, claim.job.status) == (job_id, JobStatus.RUNNING)
        assert (claim.job.priority, claim.job.caller_metadata) == ((9, {"a": 1}) if status == 200 else (5, {}))
        assert status in {200, 409}

"""PATCH .../{id}: the priority and the metadata of a job that waits, and of no other."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
from starlette.testclient import TestClient

from shared.messaging.after_commit import Outbox
from shared.models import JobStatus
from tests.api_service.conftest import bearer, new_key
from tests.jobs import answering, claimed, job, running, submitted

URL = "/api/v1/generation-jobs"


def amended(client: TestClient, job_id: int, **values: Any) -> Any:
    return client.patch(f"{URL}/{job_id}", json=values)


def test_a_job_that_waits_gets_another_priority_and_other_metadata(client: TestClient, outbox: Outbox) -> None:
    first, second = submitted(outbox, caller_metadata={"a": 1}), submitted(outbox)
    response = amended(client, second, priority=9, metadata={"b": [1, {"c": None}]})
    assert response.status_code == 200
    assert (response.json()["priority"], response.json()["metadata"]) == (9, {"b": [1, {"c": None}]})
    assert amended(client, first, metadata={}).json()["metadata"] == {}
    assert job(outbox, first).priority == 5
    answering(outbox, slots=100)
    claim = claimed(outbox)
    assert claim is not None
    assert claim.job.id == second


def test_a_job_whose_time_has_not_come_waits_too(client: TestClient, outbox: Outbox) -> None:
    job_id = submitted(outbox, run_after=datetime.now(UTC) + timedelta(hours=1))
    assert amended(client, job_id, priority=0).json()["status"] == "pending"
    assert job(outbox, job_id).priority == 0


def test_a_job_that_was_started_or_has_ended_stays_as_it_is(client: TestClient, outbox: Outbox) -> None:
    claim, cancelled = running(outbox), submitted(outbox)
    client.post(f"{URL}/{cancelled}/cancel")
    for job_id, status in ((claim.job.id, "running"), (cancelled, "cancelled")):
        for change in ({"priority": 9}, {"metadata": {"a": 1}}):
            response = amended(client, job_id, **change)
            assert (response.status_code, response.json()["code"]) == (409, "job_started")
            assert status in response.json()["detail"]
        assert (job(outbox, job_id).priority, job(outbox, job_id).caller_metadata) == (5, {})


def test_anothers_job_is_not_found(client: TestClient, outbox: Outbox) -> None:
    job_id = submitted(outbox)
    stranger = bearer(new_key(outbox.engine, another=True))
    response = client.patch(f"{URL}/{job_id}", json={"priority": 9}, headers=stranger)
    assert (response.status_code, response.json()["code"]) == (404, "job_not_found")
    assert job(outbox, job_id).priority == 5


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
    client: TestClient, outbox: Outbox, body: str, status: int, field: str | None
) -> None:
    job_id = submitted(outbox)
    response = client.patch(f"{URL}/{job_id}", content=body, headers={"Content-Type": "application/json"})
    assert response.status_code == status
    if field:
        assert response.json()["errors"][0]["field"] == field


def test_metadata_may_be_as_large_as_is_said(client: TestClient, outbox: Outbox) -> None:
    largest = {"a": "x" * 4087, "b": 0}
    del largest["b"]
    response = amended(client, submitted(outbox), metadata={"a": "x" * 4088})
    assert response.status_code == 200


def test_a_claim_comes_before_or_after_a_change(client: TestClient, outbox: Outbox) -> None:
    """What was answered is what the worker has."""
    answering(outbox, slots=100)
    for _ in range(20):
        job_id = submitted(outbox)
        start = Barrier(2)

        def change(job_id: int = job_id, start: Barrier = start) -> int:
            start.wait()
            status: int = amended(client, job_id, priority=9, metadata={"a": 1}).status_code
            return status

        def take(start: Barrier = start) -> Any:
            start.wait()
            return claimed(outbox)

        with ThreadPoolExecutor(2) as threads:
            changing, taking = threads.submit(change), threads.submit(take)
            status, claim = changing.result(), taking.result()
        # A claim passes over a row that is being changed.
        claim = claim or claimed(outbox)
        assert claim is not None
        assert (claim.job.id, claim.job.status) == (job_id, JobStatus.RUNNING)
        assert (claim.job.priority, claim.job.caller_metadata) == ((9, {"a": 1}) if status == 200 else (5, {}))
        assert status in {200, 409}

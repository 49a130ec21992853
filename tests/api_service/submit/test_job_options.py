"""When a job is to run, how urgently, how often, and what its owner notes on it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis
from sqlalchemy import Engine
from starlette.testclient import TestClient

from shared.configuration.choices import IN_TURNS
from shared.configuration.settings import Settings
from shared.jobs.claim.due import due_jobs
from shared.messaging.due_work import WakeUps
from shared.messaging.messenger import Messenger
from shared.models import EventType, JobStatus
from shared.workflows.fingerprint import shape_of
from shared.workflows.parameters import TextToImage
from shared.workflows.text_to_image import text_to_image
from tests.api_service.conftest import bearer, new_key
from tests.api_service.submit.test_submitting import LEAST, URL, post, refused
from tests.jobs import answering, claimed, events, job

HOUR = timedelta(hours=1)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def in_an_hour() -> str:
    return (datetime.now(UTC) + HOUR).isoformat()


def test_without_wishes_a_job_is_of_middling_urgency_and_may_start_at_once(client: TestClient) -> None:
    body = post(client).json()
    assert (body["priority"], body["metadata"], body["max_attempts"]) == (5, {}, None)
    assert (body["deadline_at"], body["batch_id"], body["parent_id"]) == (None, None, None)
    assert body["run_after"] == body["created_at"]


def test_the_most_urgent_job_goes_first(client: TestClient, messenger: Messenger) -> None:
    numbers = [post(client, priority=priority).json()["id"] for priority in (0, 9, 5)]
    answering(messenger, slots=3)
    claims = [claimed(messenger) for _ in range(3)]
    assert [claim and claim.job.id for claim in claims] == [numbers[1], numbers[2], numbers[0]]


def test_a_job_that_is_put_off_is_pending_and_no_message_is_sent(
    client: TestClient, messenger: Messenger, redis_client: redis.Redis, settings: Settings
) -> None:
    body = post(client, delay_seconds=3600).json()
    assert (body["status"], body["message_id"]) == ("pending", None)
    assert moment(body["run_after"]) - moment(body["created_at"]) > HOUR - timedelta(minutes=1)
    assert [event.type for event in events(messenger, body["id"])] == [EventType.PENDING]
    assert not redis_client.exists(f"{settings.redis_ns}:comfy.msgs")
    answering(messenger)
    assert claimed(messenger) is None


def test_a_job_may_name_the_moment_in_any_time_zone(client: TestClient) -> None:
    at = (datetime.now(UTC) + HOUR).replace(microsecond=0)
    elsewhere = at.astimezone(tz=None).isoformat()
    assert moment(post(client, run_at=elsewhere).json()["run_after"]) == at
    assert moment(post(client, run_at=at.isoformat().replace("+00:00", "Z")).json()["run_after"]) == at


@pytest.mark.parametrize("run_at", ["0001-01-01T00:00:00Z", "2020-02-29T12:00:00+05:30"])
def test_a_moment_that_has_passed_is_at_once(client: TestClient, run_at: str) -> None:
    body = post(client, run_at=run_at).json()
    assert body["status"] == "queued"
    assert body["run_after"] == body["created_at"]


@pytest.mark.parametrize(
    ("values", "field", "code"),
    [
        ({"priority": 10}, "priority", "less_than_equal"),
        ({"priority": -1}, "priority", "greater_than_equal"),
        ({"priority": "9"}, "priority", "int_type"),
        ({"run_at": "2026-12-01T00:00:00"}, "run_at", "timezone_aware"),
        ({"run_at": "soon"}, "run_at", "datetime_parsing"),
        ({"run_at": 1}, "run_at", "datetime_type"),
        ({"run_at": "9999-12-31T23:59:59-12:00"}, "run_at", "no_such_date"),
        ({"run_at": "0001-01-01T00:00:00+12:00"}, "run_at", "no_such_date"),
        ({"delay_seconds": -1}, "delay_seconds", "greater_than_equal"),
        ({"delay_seconds": 30 * 24 * 3600 + 1}, "delay_seconds", "less_than_equal"),
        ({"delay_seconds": 1, "run_at": in_an_hour()}, "delay_seconds", "given_twice"),
        ({"deadline_seconds": 0}, "deadline_seconds", "greater_than"),
        ({"deadline_seconds": 60, "delay_seconds": 60}, "deadline_seconds", "before_the_start"),
        ({"deadline_seconds": 60, "run_at": in_an_hour()}, "deadline_seconds", "before_the_start"),
        ({"max_attempts": 0}, "max_attempts", "greater_than_equal"),
        ({"max_attempts": 11}, "max_attempts", "less_than_equal"),
        ({"metadata": []}, "metadata", "dict_type"),
        ({"metadata": {"a": "x" * 4089}}, "metadata", "value_error"),
        ({"metadata": {"a": "é" * 2045}}, "metadata", "value_error"),
        ({"metadata": {"a": ["\0"]}}, "metadata", "value_error"),
        ({"metadata": {"\0": 1}}, "metadata", "value_error"),
    ],
)
def test_a_wish_that_cannot_be_met_is_refused(
    client: TestClient, values: dict[str, Any], field: str, code: str
) -> None:
    problem = refused(post(client, **values), 422, "invalid_fields")
    assert [(error["field"], error["code"]) for error in problem["errors"]] == [(field, code)]


@pytest.mark.parametrize(
    "metadata", [{"a": "x" * 4088}, {"a": "é" * 2044}, {"order": 7, "tags": ["a", {"b": None}], "": True, "z": 0.1}]
)
def test_metadata_of_up_to_4096_bytes_come_back_as_they_were(client: TestClient, metadata: dict[str, Any]) -> None:
    body = post(client, metadata=metadata).json()
    assert body["metadata"] == metadata
    assert client.get(body["links"]["self"]).json()["metadata"] == metadata


def test_a_job_that_is_not_started_by_its_deadline_expires(client: TestClient, messenger: Messenger) -> None:
    body = post(client, deadline_seconds=0.001).json()
    late = post(client, deadline_seconds=3600).json()
    assert moment(late["deadline_at"]) - moment(late["created_at"]) <= HOUR
    answering(messenger)
    WakeUps(messenger, due_jobs(IN_TURNS)).send_missing()
    assert client.get(body["links"]["self"]).json()["status"] == "expired"
    assert [event.type for event in events(messenger, body["id"])] == [EventType.QUEUED, EventType.EXPIRED]
    claim = claimed(messenger)
    assert claim
    assert claim.job.id == late["id"]
    assert claimed(messenger) is None


def test_a_job_that_is_put_off_and_overdue_expires_unqueued(client: TestClient, messenger: Messenger) -> None:
    body = post(client, delay_seconds=0.001, deadline_seconds=0.002).json()
    WakeUps(messenger, due_jobs(IN_TURNS)).send_missing()
    assert job(messenger, body["id"]).status is JobStatus.EXPIRED
    assert client.post(body["links"]["cancel"]).status_code == 409


def test_the_request_and_the_kind_of_work_are_recorded(client: TestClient, messenger: Messenger) -> None:
    client.headers["X-Request-Id"] = "order-7"
    recorded = job(messenger, post(client).json()["id"])
    assert recorded.request_id == "order-7"
    assert recorded.workflow_key == shape_of(text_to_image(TextToImage.from_job(recorded))).fingerprint


@pytest.fixture
def capped(client: TestClient, engine: Engine) -> TestClient:
    """A client whose key may not ask for more than priority 6."""
    client.headers.update(bearer(new_key(engine, priority=6)))
    return client


def test_a_key_s_highest_priority_is_as_urgent_as_its_jobs_get(capped: TestClient) -> None:
    error = refused(post(capped, priority=7), 422, "invalid_fields")["errors"][0]
    assert (error["field"], error["message"]) == ("priority", "at most 6 with this key")
    made = post(capped, priority=6, delay_seconds=3600).json()
    assert made["priority"] == 6
    url = made["links"]["self"]
    assert capped.patch(url, json={"priority": 7}).json()["errors"][0]["field"] == "priority"
    assert capped.patch(url, json={"priority": 1}).json()["priority"] == 1


def test_who_names_no_priority_gets_no_more_than_the_key_may_have(client: TestClient, engine: Engine) -> None:
    client.headers.update(bearer(new_key(engine, priority=3)))
    assert post(client).json()["priority"] == 3
    assert refused(post(client, priority=4), 422, "invalid_fields")["errors"][0]["field"] == "priority"


def test_each_job_of_a_batch_says_that_it_asks_for_too_much(capped: TestClient) -> None:
    jobs = [{**LEAST, "priority": priority} for priority in (1, 8)]
    body = capped.post(f"{URL}bulk", json={"jobs": jobs}).json()
    assert [error["field"] for error in body["errors"]] == ["jobs[1].priority"]

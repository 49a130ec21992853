"""The API's machine and the database are an hour apart: all times go by the database's clock, and `ready` says so."""

import asyncio
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine
from starlette.testclient import TestClient

from api_service.streams.stream_queries import DatabaseRows
from deploy.local.postgres import connected
from deploy.local.servers import Servers
from shared.configuration.choices import IN_TURNS
from shared.database.clock import ask_database_time
from shared.jobs.claim.due import due_jobs
from shared.messaging.due_work import WakeUps
from shared.messaging.messenger import Messenger
from shared.models import Scope
from tests.another_clock import set_clock
from tests.api_service.conftest import bearer, new_key
from tests.api_service.streams.test_tickets import opened, ticket
from tests.api_service.submit.test_submitting import URL, post, refused
from tests.jobs import USER, answering, claimed, job, running, submitted
from tests.lent_database import AS_IF_NEW, new_name
from worker_service.comfyui.frames import Preview
from worker_service.run.prompt.progress import ProgressSink

pytestmark = pytest.mark.broad

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
KEYS = f"/api/v1/users/{USER}/keys"
CLOSE = timedelta(seconds=30)


@pytest.fixture(scope="module", params=[HOUR, -HOUR], ids=["ahead", "behind"])
def elsewhere(servers: Servers, template: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """A database of this module's, with such a clock."""
    name = new_name()
    url = servers.create_database(name, template)
    set_clock(url, request.param)
    yield url
    servers.drop_database(name)


@pytest.fixture
def database_url(elsewhere: str) -> Iterator[str]:
    yield elsewhere
    with connected(elsewhere) as connection, connection.cursor() as cursor:
        cursor.execute(AS_IF_NEW)


@pytest.fixture
def now(engine: Engine) -> datetime:
    """By the database's clock."""
    return ask_database_time(engine)


def at(body: dict[str, Any], name: str) -> datetime:
    return datetime.fromisoformat(body[name])


def test_a_delay_and_a_deadline_count_from_the_databases_now(client: TestClient, messenger: Messenger) -> None:
    soon = post(client, deadline_seconds=60).json()
    later = post(client, delay_seconds=600, deadline_seconds=1200).json()
    assert (soon["status"], later["status"]) == ("queued", "pending")
    assert abs(at(soon, "deadline_at") - at(soon, "created_at") - MINUTE) < CLOSE
    assert abs(at(later, "run_after") - at(later, "created_at") - 10 * MINUTE) < CLOSE
    assert abs(at(later, "deadline_at") - at(later, "created_at") - 20 * MINUTE) < CLOSE
    WakeUps(messenger, due_jobs(IN_TURNS)).send_missing()
    assert [job(messenger, one["id"]).status for one in (soon, later)] == ["queued", "pending"]


def test_a_moment_has_passed_or_not_by_the_databases_clock(client: TestClient, now: datetime) -> None:
    assert post(client, run_at=(now - MINUTE).isoformat()).json()["status"] == "queued"
    assert post(client, run_at=(now + MINUTE).isoformat()).json()["status"] == "pending"
    month = timedelta(days=30)
    assert post(client, run_at=(now + month - MINUTE).isoformat()).status_code == 201
    for values, field in (
        ({"run_at": (now + month + MINUTE).isoformat()}, "run_at"),
        ({"run_at": (now + 5 * MINUTE).isoformat(), "deadline_seconds": 120}, "deadline_seconds"),
    ):
        assert [error["field"] for error in refused(post(client, **values), 422, "invalid_fields")["errors"]] == [field]
    assert post(client, run_at=(now + MINUTE).isoformat(), deadline_seconds=120).status_code == 201


def test_every_job_of_a_batch_that_names_a_wrong_time_is_named(client: TestClient, now: datetime) -> None:
    late, good = (now + timedelta(days=31)).isoformat(), {"prompt": "x", "checkpoint_model": "y"}
    response = client.post(f"{URL}bulk", json={"jobs": [{**good, "run_at": late}, good, {**good, "run_at": late}]})
    fields = [error["field"] for error in refused(response, 422, "invalid_fields")["errors"]]
    assert fields == ["jobs[0].run_at", "jobs[2].run_at"]


def test_what_would_be_run_says_the_databases_times_too(client: TestClient, now: datetime) -> None:
    body = {"prompt": "x", "checkpoint_model": "y", "delay_seconds": 600, "deadline_seconds": 1200}
    planned = client.post(f"{URL}validate", json=body).json()["job"]
    assert abs(at(planned, "run_after") - now - 10 * MINUTE) < CLOSE
    assert abs(at(planned, "deadline_at") - now - 20 * MINUTE) < CLOSE


def test_a_key_expires_by_the_databases_clock(client: TestClient, engine: Engine, now: datetime) -> None:
    admin = bearer(new_key(engine, Scope.ADMIN))

    def make(expires_at: datetime) -> Any:
        return client.post(KEYS, json={"name": "k", "expires_at": expires_at.isoformat()}, headers=admin)

    refused(make(now - MINUTE), 422, "invalid_fields")
    made = make(now + MINUTE).json()
    assert made["state"] == "good"
    assert client.get("/api/v1/me", headers=bearer(made["key"])).status_code == 200
    assert {one["state"] for one in client.get(KEYS, headers=admin).json()["items"]} == {"good"}


def test_a_ticket_is_good_for_a_minute_of_the_databases_clock(
    client: TestClient, messenger: Messenger, key: str, now: datetime
) -> None:
    made = client.post("/api/v1/stream-tickets").json()
    assert abs(at(made, "expires_at") - now - MINUTE) < CLOSE
    client.headers.pop("Authorization")
    assert opened(client, submitted(messenger), f"ticket={ticket(client, key)}") == "snapshot"


def test_what_is_live_only_has_the_databases_time(messenger: Messenger, client: TestClient, now: datetime) -> None:
    claim = running(messenger)
    with client.websocket_connect(f"/ws/jobs/{claim.job.id}?previews=true") as socket:
        assert socket.receive_json()["type"] == "snapshot"
        ProgressSink(messenger, claim.job).publish_preview(Preview("image/png", b"x"))
        assert abs(at(socket.receive_json(), "at") - now) < CLOSE


def test_a_deletion_is_told_with_the_databases_time(engine: Engine, now: datetime) -> None:
    async def run(work: Any, *args: Any) -> Any:
        return work(*args)

    (deleted,), _ = asyncio.run(DatabaseRows(engine, run).events_since({7: 0}))
    assert abs(deleted.at - now) < CLOSE


def test_estimates_and_statistics_go_by_it_too(client: TestClient, messenger: Messenger, now: datetime) -> None:
    body = post(client).json()
    answering(messenger)
    assert claimed(messenger)
    since = client.get(f"{URL}stats?days=1").json()["since"]
    assert since == str(now.date())
    assert client.get(body["links"]["self"]).status_code == 200


def test_ready_has_a_line_about_it(client: TestClient, request: pytest.FixtureRequest) -> None:
    clock = client.get("/health/ready").json()["clock"]
    assert clock["ok"] is False
    # The database is ahead, so this machine is behind.
    how = "behind" if request.node.callspec.id == "ahead" else "ahead of"
    assert f"s {how} the database's" in clock["detail"]
    assert "3600" in clock["detail"] or "3599" in clock["detail"]

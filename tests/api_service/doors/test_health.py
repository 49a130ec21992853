"""Whether it lives, and whether what it needs is there: each with its own line."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from api_service.main import create_app
from migrations.upgrade import downgrade, upgrade
from shared.configuration.settings import load_settings
from shared.messaging.messenger import Messenger
from shared.models import Worker
from tests.api_service.conftest import bearer
from tests.jobs import ANOTHER, answering


@pytest.fixture
def database_url(own_database: str) -> str:
    """Its schema changes."""
    return own_database


def test_it_lives(client: TestClient) -> None:
    assert client.get("/health/live").json() == {"status": "ok"}


def test_without_workers_it_accepts_jobs_and_says_that_they_wait(client: TestClient) -> None:
    response = client.get("/health/ready")
    body = response.json()
    assert (response.status_code, body["status"]) == (200, "degraded")
    assert {name: body[name]["ok"] for name in ("database", "redis", "worker", "comfyui", "clock")} == {
        "database": True,
        "redis": True,
        "worker": False,
        "comfyui": False,
        "clock": True,
    }
    assert "jobs wait" in body["worker"]["detail"]


def test_with_a_worker_and_a_server_it_is_ready(client: TestClient, messenger: Messenger) -> None:
    answering(messenger)
    with messenger.transaction() as session:
        session.add(Worker(id="worker-1", threads=2))
    assert client.get("/health/ready").json()["status"] == "ready"


def test_a_worker_that_cannot_store_outputs_is_a_line_that_says_why(client: TestClient, messenger: Messenger) -> None:
    answering(messenger)
    with messenger.transaction() as session:
        session.add(Worker(id="worker-1", threads=2, storage_problem="Read-only file system"))
        session.add(Worker(id="worker-2", threads=2))
    response = client.get("/health/ready")
    assert (response.status_code, response.json()["status"]) == (200, "degraded")
    assert response.json()["storage"] == {
        "ok": False,
        "detail": "a worker cannot store outputs: Read-only file system; results wait in ComfyUI",
    }


def test_a_server_that_no_worker_names_any_more_is_not_counted(client: TestClient, messenger: Messenger) -> None:
    answering(messenger)
    answering(
        messenger, ANOTHER, named_at=datetime.now(UTC) - timedelta(minutes=2), unreachable_since=datetime.now(UTC)
    )
    assert client.get("/health/ready").json()["comfyui"]["detail"] == "1 of 1 usable"
    answering(messenger, ANOTHER, unreachable_since=datetime.now(UTC))
    assert client.get("/health/ready").json()["comfyui"]["detail"] == "1 of 2 usable"


def test_without_redis_it_still_accepts(environ: dict[str, str], key: str) -> None:
    settings = load_settings({**environ, "REDIS_URL": "redis://127.0.0.1:9/3"})
    with TestClient(create_app(settings), headers=bearer(key)) as client:
        body = client.get("/health/ready").json()
        assert (body["status"], body["redis"]["ok"], body["database"]["ok"]) == ("degraded", False, True)
        response = client.post("/api/v1/generation-jobs/", json={"prompt": "x", "checkpoint_model": "y"})
        assert (response.status_code, response.json()["status"]) == (201, "pending")


def test_without_its_database_it_accepts_nothing_and_says_when_to_come_again(
    environ: dict[str, str], tmp_path: Path, key: str
) -> None:
    settings = load_settings({**environ, "DATABASE_URL": "postgresql://127.0.0.1:9/nowhere"})
    with TestClient(create_app(settings), headers=bearer(key)) as client:
        ready = client.get("/health/ready")
        assert (ready.status_code, ready.json()["status"]) == (503, "unavailable")
        assert client.get("/health/live").status_code == 200
        response = client.post("/api/v1/generation-jobs/", json={"prompt": "x", "checkpoint_model": "y"})
        assert (response.status_code, response.json()["code"]) == (503, "database_unavailable")
        assert response.headers["retry-after"] == "5"


def test_without_its_schema_it_says_what_to_do_and_recovers_once_that_is_done(
    client: TestClient, environ: dict[str, str]
) -> None:
    downgrade(environ["DATABASE_URL"], "base")
    ready = client.get("/health/ready")
    assert (ready.status_code, ready.json()["status"]) == (503, "unavailable")
    assert ready.json()["database"]["detail"] == "the database has no schema: run `make migrate`"
    refused = client.get("/api/v1/generation-jobs/")
    assert (refused.status_code, refused.json()["code"]) == (503, "database_unavailable")
    assert "make migrate" in refused.json()["detail"]
    upgrade(environ["DATABASE_URL"])
    assert client.get("/health/ready").status_code == 200


def test_a_request_is_told_how_it_arrived(client: TestClient) -> None:
    answer = client.get("/health/arrival", headers={"Authorization": "", "Host": "pictures.example.com"})
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["location"] == "/health/ready"
    arrived, end, _ = answer.text.split("\n\n")
    assert json.loads(arrived.removeprefix("event: arrival\ndata: ")) == {
        "client": "testclient",
        "base": "http://pictures.example.com",
    }
    assert end == "event: end\ndata: {}"

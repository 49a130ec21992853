"""What the API tells of its requests: by route, and in words of its own."""

from collections.abc import Iterator

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import Engine
from starlette.testclient import TestClient

from api_service.main import create_app
from shared.configuration.settings import Settings
from shared.jobs.urls import JOBS
from tests.api_service.conftest import bearer, new_key
from tests.api_service.quick_api import QUICK

BODY = {"prompt": "a cat", "checkpoint_model": "random_sd15.safetensors", "width": 512, "height": 512}
REQUESTS = "genonaut_http_request_duration_seconds_count"


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def client(settings: Settings, key: str, registry: CollectorRegistry) -> Iterator[TestClient]:
    with TestClient(create_app(settings, QUICK, registry), headers=bearer(key)) as client:
        yield client


def answered(registry: CollectorRegistry) -> dict[tuple[str, str, str], float]:
    return {
        (sample.labels["route"], sample.labels["method"], sample.labels["status"]): sample.value
        for metric in registry.collect()
        for sample in metric.samples
        if sample.name == REQUESTS
    }


def test_requests_are_counted_by_route_and_not_by_address(client: TestClient, registry: CollectorRegistry) -> None:
    for number in (1, 2):
        client.get(f"{JOBS}/{number}")
    client.get("/api/v1/me")
    assert answered(registry) == {(f"{JOBS}/{{job_id}}", "GET", "404"): 2, ("/api/v1/me", "GET", "200"): 1}


def test_nobody_can_make_up_labels(client: TestClient, registry: CollectorRegistry) -> None:
    for number in range(3):
        client.request(f"ODD{number}", f"/odd/{number}")
    assert answered(registry) == {("none", "other", "404"): 3}


def test_a_job_that_is_accepted_is_counted(client: TestClient, registry: CollectorRegistry) -> None:
    assert client.post(JOBS, json=BODY).status_code == 201
    assert registry.get_sample_value("genonaut_jobs_accepted_total", {"kind": "image"}) == 1


def test_a_refusal_is_counted_by_its_limit(client: TestClient, registry: CollectorRegistry, engine: Engine) -> None:
    tight = bearer(new_key(engine, requests_per_minute=1))
    assert [client.get("/api/v1/me", headers=tight).status_code for _ in range(3)] == [200, 429, 429]
    assert registry.get_sample_value("genonaut_refused_total", {"limit": "requests_per_minute"}) == 2

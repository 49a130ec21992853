"""The core serves any API: a second one submits, watches and cancels, and needs nothing of `/api/v1`."""

import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from api_service.main import running
from shared.configuration.settings import Settings
from shared.messaging.messenger import Messenger
from tests.api_service.doors.second_door import HANDLERS, ROUTES
from tests.jobs import job
from tests.simulator.graphs import txt2img

ROOT = Path(__file__).parents[3]


@pytest.fixture
def second(settings: Settings, key: str) -> Iterator[TestClient]:
    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[dict[str, Any]]:
        async with running(settings) as services:
            yield {"services": services}

    app = Starlette(routes=ROUTES, exception_handlers=HANDLERS, lifespan=lifespan)
    with TestClient(app, headers={"X-Token": key}) as client:
        yield client


def test_a_second_door_submits_watches_and_cancels(second: TestClient, messenger: Messenger) -> None:
    graph = txt2img(seed=-1)
    job_id = second.post("/prompt", json={"prompt": graph, "urgent": True}).json()
    row = job(messenger, job_id)
    assert (row.priority, row.job_type, row.prompt) == (9, "workflow", "a cat\nbad")
    assert row.workflow
    assert row.workflow["3"]["inputs"]["seed"] >= 0
    with ThreadPoolExecutor() as pool:
        events = pool.submit(second.get, f"/events/{job_id}")
        assert second.post(f"/interrupt/{job_id}").json() == "cancelled"
        assert events.result().json() == ["queued", "cancelled"]


def test_a_second_door_refuses_in_its_own_form(second: TestClient) -> None:
    broken = txt2img()
    del broken["8"]["inputs"]
    answers = [
        second.post("/prompt", json={"prompt": broken}),
        second.post("/interrupt/77"),
        second.post("/interrupt/77", headers={"X-Token": "?"}),
    ]
    assert [answer.json() for answer in answers] == [
        {"error": "invalid_fields", "wrong": ["8.inputs"]},
        {"error": "job_not_found", "wrong": []},
        {"error": "unauthenticated", "wrong": []},
    ]


@pytest.mark.system
def test_a_second_door_loads_nothing_of_the_first() -> None:
    script = "import sys, tests.api_service.doors.second_door; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = {name for name in done.stdout.split() if name.startswith("api_service.doors.")}
    assert loaded == {"api_service.doors.binding", "api_service.doors.services"}

"""Large bodies have a lane of their own: while it is busy, everything else is answered."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from starlette.testclient import TestClient

from api_service.doors.services import Services
from api_service.http.bodies import HEAVY_BODY
from shared.messaging.messenger import Messenger
from tests.api_service.submit.test_submitting import LEAST, URL
from tests.jobs import submitted
from tests.worker_service.waiting import until

LARGE = {"workflow": {"1": {"class_type": "Text", "inputs": {"text": "x" * HEAVY_BODY}}}}
VALIDATE, BULK = f"{URL}validate", f"{URL}bulk"


@contextmanager
def busy(client: TestClient) -> Iterator[Services]:
    """The lane for heavy work is busy within the block."""
    services: Services = client.app_state["services"]
    goes_on = threading.Event()
    assert client.portal
    client.portal.start_task_soon(services.heavy.run, goes_on.wait)
    until(lambda: services.heavy.limiter.borrowed_tokens == 1)
    try:
        yield services
    finally:
        goes_on.set()


@pytest.mark.parametrize(
    ("url", "body", "status"),
    [
        (VALIDATE, LARGE, 200),
        (URL, LARGE, 201),
        (BULK, {"jobs": [LARGE, LEAST]}, 201),
        (URL, {"x": "y" * HEAVY_BODY}, 422),
    ],
)
def test_large_bodies_wait_for_their_lane_and_nobody_else_does(
    client: TestClient, messenger: Messenger, url: str, body: dict[str, Any], status: int
) -> None:
    job_id = submitted(messenger)
    with ThreadPoolExecutor(1) as threads:
        with busy(client) as services:
            waiting: Future[Any] = threads.submit(client.post, url, json=body)
            until(lambda: services.heavy.limiter.statistics().tasks_waiting == 1)
            assert client.get(f"{URL}{job_id}").status_code == 200
            assert client.post(URL, json=LEAST).status_code == 201
            assert client.post(VALIDATE, json=LEAST).status_code == 200
            assert not waiting.done()
        assert waiting.result(timeout=60).status_code == status


def test_a_large_request_sent_again_is_the_same_request(client: TestClient) -> None:
    first, again = (client.post(URL, json=LARGE, headers={"Idempotency-Key": "k"}) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["id"] == again.json()["id"]


def test_what_is_wrong_with_a_large_body_is_said_as_of_a_small_one(client: TestClient) -> None:
    twice = '{"prompt": "a", "prompt": "' + "b" * HEAVY_BODY + '"}'
    for content, code in ((json.dumps(LARGE)[:-1], "invalid_json"), (twice, "invalid_fields")):
        answer = client.post(URL, content=content, headers={"Content-Type": "application/json"})
        assert answer.json()["code"] == code

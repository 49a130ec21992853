"""A paused queue, or user, accepts jobs and starts none; a restart changes nothing, and resuming wakes workers."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from starlette.testclient import TestClient

from shared.messaging.messages import RunComfyJob
from shared.messaging.messenger import Messenger
from shared.models import Scope
from tests.api_service.conftest import bearer, new_key
from tests.jobs import ANOTHER_USER, USER, answering, claimed, running, submitted

Asks = Callable[..., Any]
REASON = "new graphics cards at noon"


@pytest.fixture(params=["/api/v1/queue", f"/api/v1/users/{USER}"], ids=["queue", "user"])
def paused(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def admin(client: TestClient, messenger: Messenger) -> Asks:
    """Asks with the key of an admin."""
    return partial(client.request, headers=bearer(new_key(messenger.engine, Scope.ADMIN)))


def pause(admin: Asks, path: str) -> dict[str, object]:
    answer = admin("POST", f"{path}/pause", json={"reason": REASON})
    assert answer.status_code == 200, answer.text
    return answer.json()  # type: ignore[no-any-return]


def test_no_job_starts_while_paused_and_those_that_run_go_on(admin: Asks, messenger: Messenger, paused: str) -> None:
    claim = running(messenger)
    job_id = submitted(messenger)
    pause(admin, paused)
    assert claimed(messenger) is None
    assert admin("GET", f"/api/v1/generation-jobs/{claim.job.id}").json()["paused"] is None
    assert admin("GET", f"/api/v1/generation-jobs/{job_id}").json()["status"] == "queued"


def test_a_pause_needs_no_reason_and_no_body(admin: Asks, paused: str) -> None:
    answer = admin("POST", f"{paused}/pause")
    assert (answer.status_code, answer.json()["reason"]) == (200, None)
    assert admin("POST", f"{paused}/pause", content=b"{").status_code in {400, 415}


def test_resuming_starts_them_and_wakes_a_worker(admin: Asks, messenger: Messenger, paused: str) -> None:
    answering(messenger)
    pause(admin, paused)
    job_id = submitted(messenger)
    while messenger.waiting_messages(RunComfyJob.queue):
        messenger.client.flushdb()
    assert admin("POST", f"{paused}/resume").json() == {"items": []}
    assert messenger.waiting_messages(RunComfyJob.queue) == 1
    claim = claimed(messenger)
    assert claim is not None
    assert claim.job.id == job_id


def test_a_job_says_why_it_waits(client: TestClient, admin: Asks, messenger: Messenger, paused: str) -> None:
    job_id = submitted(messenger)
    before = client.get(f"/api/v1/generation-jobs/{job_id}")
    shown = pause(admin, paused)
    after = client.get(f"/api/v1/generation-jobs/{job_id}", headers={"If-None-Match": before.headers["ETag"]}).json()
    assert after["paused"] == {name: shown[name] for name in ("scope", "reason", "paused_at")}
    assert {after["estimate"][name] for name in after["estimate"] if name != "samples"} == {None}
    assert client.get("/api/v1/generation-jobs/stats").json()["paused"] == after["paused"]


def test_another_users_jobs_start(admin: Asks, messenger: Messenger) -> None:
    answering(messenger)
    pause(admin, f"/api/v1/users/{USER}")
    submitted(messenger)
    other = submitted(messenger, user_id=ANOTHER_USER)
    claim = claimed(messenger)
    assert claim is not None
    assert claim.job.id == other


def test_pausing_again_changes_the_reason_and_not_since_when(admin: Asks, paused: str) -> None:
    first = pause(admin, paused)
    again = admin("POST", f"{paused}/pause", json={}).json()
    assert again == {**first, "reason": None}
    assert admin("GET", "/api/v1/queue/pauses").json() == {"items": [again]}


def test_health_shows_a_paused_queue_and_not_why(admin: Asks, client: TestClient) -> None:
    pause(admin, "/api/v1/queue")
    ready = client.get("/health/ready").json()
    assert not ready["queue"]["ok"]
    assert "paused since" in ready["queue"]["detail"]
    assert REASON not in str(ready)


def test_a_user_that_is_not_there_cannot_be_paused(admin: Asks) -> None:
    for deed in ("pause", "resume"):
        answer = admin("POST", f"/api/v1/users/{'0' * 8}-0000-0000-0000-{'9' * 12}/{deed}", json={})
        assert (answer.status_code, answer.json()["code"]) == (404, "user_not_found")


@pytest.mark.parametrize("reason", ["", "x" * 501, "\0", 7])
def test_a_reason_is_a_short_text(admin: Asks, reason: object) -> None:
    answer = admin("POST", "/api/v1/queue/pause", json={"reason": reason})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "reason")

"""A user's budget of a month: who has used it up submits no more until the next one, by no way."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select
from starlette.testclient import TestClient

from api_service.main import create_app
from shared.configuration.settings import load_settings
from shared.messaging.messenger import Messenger
from shared.models import GenerationJob, Scope, TaskKind, TaskState, UsageNote, User
from tests.api_service.conftest import bearer, new_key
from tests.jobs import USER, submitted
from tests.simulator.graphs import noise, txt2img
from tests.tasks import asked, ended, runner, task

JOBS = "/api/v1/generation-jobs/"
JOB = {"prompt": "a cat", "checkpoint_model": "sd15"}
ME = "/api/v1/me"


def used(messenger: Messenger, **values: Any) -> None:
    facts = {"user_id": USER, "day": datetime.now(UTC).date(), "key_id": "", "checkpoint": "", "server": "", **values}
    with messenger.transaction() as session:
        session.add(UsageNote(**facts))


def with_budget(messenger: Messenger, **budget: int | None) -> None:
    with messenger.transaction() as session:
        session.get_one(User, USER).budget = budget


def refused(answer: Any, limit: str) -> str:
    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["limit"]) == (429, "quota_exceeded", limit), answer.text
    return str(problem["detail"])


def test_seconds_that_are_used_up_are_refused_until_the_next_month(client: TestClient, messenger: Messenger) -> None:
    with_budget(messenger, gpu_seconds=100)
    used(messenger, gpu_us=99_000_000)
    assert client.post(JOBS, json=JOB).status_code == 201, "what waits may pass it"
    used(messenger, gpu_us=2_500_000)
    answer = client.post(JOBS, json=JOB)
    detail = refused(answer, "budget_gpu_seconds")
    resets_at = datetime.fromisoformat(client.get(ME).json()["budget"]["resets_at"])
    assert "101.5 of the 100 GPU seconds" in detail
    assert f"{resets_at:%Y-%m-01T00:00:00Z}" in detail
    ends = datetime.now(UTC) + timedelta(seconds=int(answer.headers["retry-after"]))
    assert abs(ends - resets_at) < timedelta(minutes=1)


@pytest.mark.parametrize(("budget", "limit"), [({"gpu_seconds": 0}, "GPU seconds"), ({"jobs": 0}, "jobs")])
@pytest.mark.parametrize(
    ("address", "body", "names", "status", "code", "is_said_to_be_final"),
    [
        ("/prompt", {"prompt": noise()}, "type", 429, "quota_exceeded", False),
        (
            "/v1/images/generations",
            {"prompt": "a cat", "model": "sd15", "size": "64x64"},
            "code",
            429,
            "insufficient_quota",
            True,
        ),
        ("/api/v2/jobs", {"workflow": txt2img()}, "code", 403, "forbidden", False),
    ],
)
def test_each_other_door_refuses_in_its_own_form(
    client: TestClient,
    messenger: Messenger,
    address: str,
    body: Any,
    names: str,
    status: int,
    code: str,
    is_said_to_be_final: bool,
    budget: dict[str, int],
    limit: str,
) -> None:
    with_budget(messenger, **budget)
    answer = client.post(address, json=body)
    assert answer.status_code == status, answer.text
    assert answer.headers.get("x-should-retry") == ("false" if is_said_to_be_final else None)
    error = answer.json()["error"]
    assert error[names] == code
    assert f"of the 0 {limit} of this month's budget are used" in error["message"]
    assert int(answer.headers["retry-after"]) > 0
    with messenger.transaction() as session:
        assert not session.exec(select(GenerationJob.id)).all()


def test_neither_last_month_nor_what_was_lost_counts(client: TestClient, messenger: Messenger) -> None:
    with_budget(messenger, gpu_seconds=100)
    last_month = datetime.now(UTC).date().replace(day=1) - timedelta(days=1)
    used(messenger, gpu_us=1_000_000_000, day=last_month)
    used(messenger, gpu_us=1_000_000_000, lost_us=1_000_000_000)
    assert client.post(JOBS, json=JOB).status_code == 201


def test_jobs_count_from_when_they_are_accepted(client: TestClient, messenger: Messenger) -> None:
    with_budget(messenger, jobs=3)
    used(messenger, completed=1, cancelled=5)
    assert client.post(JOBS, json=JOB).status_code == 201
    detail = refused(client.post(f"{JOBS}bulk", json={"jobs": [JOB, JOB]}), "budget_jobs")
    assert "2 of the 3 jobs" in detail
    assert client.post(JOBS, json=JOB).status_code == 201
    refused(client.post(JOBS, json=JOB), "budget_jobs")


def test_the_own_budget_goes_before_the_deployments(environ: dict[str, str], key: str, messenger: Messenger) -> None:
    used(messenger, gpu_us=10_000_000)
    with TestClient(create_app(load_settings({**environ, "BUDGET_GPU_SECONDS": "10"})), headers=bearer(key)) as client:
        refused(client.post(JOBS, json=JOB), "budget_gpu_seconds")
        with_budget(messenger, gpu_seconds=None)
        assert client.post(JOBS, json=JOB).status_code == 201


def test_an_admin_sets_a_budget_and_the_user_sees_what_is_used(client: TestClient, messenger: Messenger) -> None:
    admin = bearer(new_key(messenger.engine, Scope.ADMIN))
    user = f"/api/v1/users/{USER}"
    answer = client.patch(user, json={"budget": {"gpu_seconds": 50, "jobs": None}}, headers=admin)
    assert answer.json()["budget"] == {"gpu_seconds": 50, "jobs": None}
    used(messenger, gpu_us=1_250_000, completed=2)
    submitted(messenger)
    mine = client.get(ME).json()["budget"]
    assert mine["gpu_seconds"] == {"budget": 50, "used": 1.25}
    assert mine["jobs"] == {"budget": None, "used": 3}
    assert client.patch(user, json={"budget": {}}, headers=admin).json()["budget"] == {}
    assert client.patch(user, json={"name": "x"}, headers=admin).json()["budget"] == {}


@pytest.mark.parametrize("budget", [{"gpu_seconds": -1}, {"gpu_seconds": 1.5}, {"jobs": "9"}, {"bytes": 1}, None, 3])
def test_a_budget_that_is_none_is_refused(client: TestClient, messenger: Messenger, budget: Any) -> None:
    admin = bearer(new_key(messenger.engine, Scope.ADMIN))
    answer = client.patch(f"/api/v1/users/{USER}", json={"budget": budget}, headers=admin)
    assert (answer.status_code, answer.json()["errors"][0]["field"].split(".")[0]) == (422, "budget")


def test_a_task_that_repeats_jobs_stops_where_the_budget_does(messenger: Messenger, tmp_path: Path) -> None:
    for _ in range(3):
        ended(messenger)
    with_budget(messenger, jobs=2)
    task_id = asked(messenger, TaskKind.RETRY_JOBS)
    doing = runner(messenger, tmp_path)
    while not task(messenger, task_id).state.is_final:
        assert doing.run_one()
    found = task(messenger, task_id)
    assert (found.state, found.done, found.error_code) == (TaskState.FAILED, 2, "quota_exceeded")

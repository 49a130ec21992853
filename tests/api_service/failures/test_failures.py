"""/api/v1/failures: groups of jobs that failed in the same way, what is in them, and muting them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine
from starlette.testclient import TestClient

from shared.jobs import lifecycle
from shared.jobs.errors import GenerationError, NodeFailed, Stalled
from shared.messaging.messenger import Messenger
from shared.models import Scope
from tests.api_service.conftest import bearer, new_key
from tests.jobs import ANOTHER_USER, SERVER, answering, claimed, job, submitted
from tests.notifications import listens, told
from tests.tasks import done

FAILURES = "/api/v1/failures"
JOBS = "/api/v1/generation-jobs/"
SECOND = "http://gpu-2:8188"
NO_GROUP = "00000000000000ff"


def broken(row: int = 4) -> GenerationError:
    return NodeFailed(str(row), "VAEDecode", "ValueError", f"row {row} of '/tmp/{row}' is bad")


def failed(messenger: Messenger, error: GenerationError, server: str = SERVER, **values: Any) -> int:
    answering(messenger, server)
    submitted(messenger, **values)
    claim = claimed(messenger, server)
    assert claim is not None
    with messenger.transaction() as session:
        lifecycle.fail(session, claim.lease, error)
    return claim.job.id


def listed(client: TestClient, query: str = "", key: str | None = None) -> list[dict[str, Any]]:
    response = client.get(f"{FAILURES}{query}", headers=bearer(key) if key else {})
    assert response.status_code == 200, response.text
    return list(response.json()["items"])


def test_jobs_that_failed_in_the_same_way_are_one_group(client: TestClient, messenger: Messenger) -> None:
    first = failed(messenger, broken(4))
    failed(messenger, Stalled(SERVER, 600))
    last = failed(messenger, broken(17), SECOND)
    group, other = listed(client)
    assert group == {
        "fingerprint": job(messenger, first).failure,
        "code": "node_failed",
        "node_class": "VAEDecode",
        "pattern": "node <n> (VAEDecode) failed: row <n> of <text> is bad",
        "count": 2,
        "users": None,
        "first_at": when(messenger, first),
        "last_at": when(messenger, last),
        "servers": [SECOND, SERVER],
        "job_id": last,
        "jobs_url": f"{JOBS}?failure={group['fingerprint']}",
        "muted_until": None,
    }
    assert client.get(f"{JOBS}{last}").json()["failure"] == group["fingerprint"]
    assert (other["code"], other["node_class"], other["count"]) == ("stalled", None, 1)
    assert client.get(f"{FAILURES}/{group['fingerprint']}").json() == group
    assert [item["id"] for item in client.get(group["jobs_url"]).json()["items"]] == [last, first]


def when(messenger: Messenger, job_id: int) -> str:
    ended = job(messenger, job_id).completed_at
    assert ended is not None
    return ended.astimezone(UTC).isoformat().replace("+00:00", "Z")


def test_each_sees_their_own_and_admins_see_all(client: TestClient, engine: Engine, messenger: Messenger) -> None:
    mine = failed(messenger, broken())
    theirs = failed(messenger, broken(), user_id=ANOTHER_USER)
    only_theirs = failed(messenger, Stalled(SERVER, 600), user_id=ANOTHER_USER)
    admin = new_key(engine, Scope.ADMIN)
    (own,) = listed(client)
    assert (own["count"], own["users"], own["job_id"]) == (1, None, mine)
    assert client.get(f"{FAILURES}/{job(messenger, only_theirs).failure}").status_code == 404
    _, both = listed(client, "?user_id=all", admin)
    assert (both["count"], both["users"], both["job_id"]) == (2, 2, theirs)
    assert len(client.get(both["jobs_url"], headers=bearer(admin)).json()["items"]) == 2
    assert client.get(f"{FAILURES}?user_id=all").status_code == 403
    shown = client.get(f"{FAILURES}/{own['fingerprint']}", headers=bearer(admin)).json()
    assert shown["count"] == 2


def test_the_list_is_filtered_and_has_pages(client: TestClient, messenger: Messenger) -> None:
    failed(messenger, broken())
    failed(messenger, Stalled(SECOND, 600), SECOND)
    failed(messenger, NodeFailed("4", "KSampler", "ValueError", "no"))
    assert [one["node_class"] for one in listed(client, f"?server={SERVER}")] == ["KSampler", "VAEDecode"]
    assert [one["code"] for one in listed(client, "?code=stalled")] == ["stalled"]
    now = (datetime.now(UTC) + timedelta(minutes=1)).isoformat().replace("+00:00", "Z")
    assert listed(client, f"?since={now}") == []
    address, codes = f"{FAILURES}?limit=1", []
    while address:
        page = client.get(address).json()
        codes += [(one["code"], one["node_class"]) for one in page["items"]]
        address = page["next"]
    assert codes == [("node_failed", "KSampler"), ("stalled", None), ("node_failed", "VAEDecode")]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("since=yesterday", "since"),
        ("since=2026-01-01T00:00:00", "since"),
        ("server=", "server"),
        ("code=%00", "code"),
        ("muted=perhaps", "muted"),
        ("colour=red", "colour"),
        ("cursor=x", "cursor"),
    ],
)
def test_a_wrong_filter_is_named(client: TestClient, query: str, field: str) -> None:
    response = client.get(f"{FAILURES}?{query}")
    assert response.status_code == 422
    assert [error["field"] for error in response.json()["errors"]] == [field]


@pytest.mark.parametrize("fingerprint", [NO_GROUP, "x", "5D41402ABC4B2A76", "%00"])
def test_a_group_that_is_not_there_is_said_so(client: TestClient, fingerprint: str) -> None:
    for response in (
        client.get(f"{FAILURES}/{fingerprint}"),
        client.patch(f"{FAILURES}/{fingerprint}", json={"muted_until": None}),
    ):
        assert (response.status_code, response.json()["code"]) == (404, "failure_not_found")


@pytest.mark.parametrize("body", [{}, {"muted_until": "soon"}, {"muted_until": []}, {"muted_until": None, "x": 1}])
def test_a_wrong_change_is_refused(client: TestClient, messenger: Messenger, body: Any) -> None:
    fingerprint = job(messenger, failed(messenger, broken())).failure
    assert client.patch(f"{FAILURES}/{fingerprint}", json=body).status_code == 422


def test_what_is_muted_is_not_listed_and_not_told_of(client: TestClient, messenger: Messenger) -> None:
    listens(messenger)
    fingerprint = job(messenger, failed(messenger, broken(1))).failure
    address = f"{FAILURES}/{fingerprint}"
    muted = client.patch(address, json={"muted_until": "2999-01-01T00:00:00+01:00"}).json()
    assert muted["muted_until"] == "2998-12-31T23:00:00Z"
    failed(messenger, broken(2))
    assert len(told(messenger)) == 1, "of the first alone"
    assert listed(client) == []
    assert [one["count"] for one in listed(client, "?muted=true")] == [2]
    assert client.patch(address, json={"muted_until": "2000-01-01T00:00:00Z"}).json()["muted_until"] is None
    failed(messenger, broken(3))
    assert len(told(messenger)) == 2
    assert [one["count"] for one in listed(client)] == [3]


def test_what_one_user_has_muted_another_hears_of(client: TestClient, messenger: Messenger, engine: Engine) -> None:
    fingerprint = job(messenger, failed(messenger, broken())).failure
    failed(messenger, broken(), user_id=ANOTHER_USER)
    client.patch(f"{FAILURES}/{fingerprint}", json={"muted_until": "2999-01-01T00:00:00Z"})
    assert len(listed(client, key=new_key(engine, another=True))) == 1
    assert listed(client) == []


def test_all_of_a_group_are_tried_again_by_the_task_that_there_is(
    client: TestClient, messenger: Messenger, tmp_path: Path
) -> None:
    first, other, last = (failed(messenger, error) for error in (broken(1), Stalled(SERVER, 600), broken(2)))
    fingerprint = job(messenger, first).failure
    task = client.post("/api/v1/tasks", json={"kind": "retry_jobs", "filter": {"failure": fingerprint}}).json()
    assert done(messenger, tmp_path, UUID(task["id"])).result["changed"] == 2
    parents = {item["parent_id"] for item in client.get(f"{JOBS}?status=queued").json()["items"]}
    assert parents == {first, last}
    assert other not in parents


def test_a_filter_that_is_no_fingerprint_is_refused(client: TestClient) -> None:
    response = client.get(f"{JOBS}?failure=x")
    assert [error["field"] for error in response.json()["errors"]] == ["failure"]

"""/api/v1/tasks: asked for, shown, listed, cancelled, deleted, and what they have made."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import Engine
from starlette.testclient import TestClient

from api_service.accounts.idempotency_key import IdempotencyKey
from api_service.main import create_app
from api_service.tasks.asking import MOST_OPEN, create_task
from shared.configuration.settings import Settings, load_settings
from shared.messaging.messages import Queue
from shared.messaging.messenger import Messenger
from shared.models import Scope, Task, TaskKind, TaskState
from shared.storage.opening import open_storage
from shared.tasks import life
from shared.tasks.due import take
from shared.tasks.life import TaskLease
from tests.api_service.conftest import bearer, new_key
from tests.api_service.quick_api import QUICK
from tests.jobs import LEASE, USER
from tests.tasks import asked, done, ended, make_due, task

TASKS = "/api/v1/tasks"
ALL = {"kind": "delete_jobs", "all": True}


def made(client: TestClient, **body: Any) -> Any:
    response = client.post(TASKS, json=body)
    assert response.status_code == 201, response.text
    assert response.headers["location"] == f"{TASKS}/{response.json()['id']}"
    return response.json()


def refused(client: TestClient, body: Any, status: int = 422) -> dict[str, str]:
    """The fields that are wrong, each with its sentence."""
    response = client.post(TASKS, json=body)
    assert response.status_code == status, response.text
    return {one["field"]: one["message"] for one in response.json().get("errors", ())}


def test_a_task_is_asked_for_done_and_shown(client: TestClient, messenger: Messenger, tmp_path: Path) -> None:
    ended(messenger)
    new = made(client, kind="delete_jobs", filter={"status": ["cancelled", "failed"]})
    assert (new["state"], new["percent"], new["result"], new["error"]) == ("waiting", None, {}, None)
    assert new["parameters"] == {"filter": {"status": ["cancelled", "failed"]}}
    assert messenger.waiting_messages(Queue.TASKS) == 1
    done(messenger, tmp_path, UUID(new["id"]))
    shown = client.get(f"{TASKS}/{new['id']}").json()
    assert (shown["state"], shown["percent"], shown["done"], shown["total"]) == ("completed", 100.0, 1, 1)
    assert shown["result"] == {"changed": 1, "skipped": {}, "dry_run": False}


def test_the_same_request_under_a_key_asks_for_one_task(
    client: TestClient, engine: Engine, messenger: Messenger
) -> None:
    key = {"Idempotency-Key": "tidy-1"}
    first, again = (client.post(TASKS, json=ALL, headers=key) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers
    assert again.headers["location"] == first.headers["location"]
    assert again.json()["id"] == first.json()["id"]
    assert messenger.waiting_messages(Queue.TASKS) == 1
    other = client.post(TASKS, json={**ALL, "dry_run": True}, headers=key)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert first.json()["id"] in other.json()["detail"]
    stranger = client.post(TASKS, json=ALL, headers=key | bearer(new_key(engine, another=True)))
    assert stranger.status_code == 201, "a key belongs to one user"


def test_two_who_ask_under_one_key_at_once_ask_for_one_task(client: TestClient, messenger: Messenger) -> None:
    sent = IdempotencyKey("tidy-1", "a" * 64)
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: create_task(messenger, new_task(), sent), range(8)))
    assert len({one.id for one, _ in made}) == 1
    assert sorted(replayed for _, replayed in made) == [False] + [True] * 7


def new_task() -> Task:
    return Task(user_id=USER, kind=TaskKind.DELETE_JOBS, parameters={"all": True})


def test_others_jobs_are_for_admins(client: TestClient, engine: Engine, messenger: Messenger) -> None:
    body = {"kind": "cancel_jobs", "filter": {"user_id": "all"}, "all": True}
    refused(client, body, 403)
    response = client.post(TASKS, json=body, headers=bearer(new_key(engine, Scope.ADMIN)))
    assert response.status_code == 201
    assert task(messenger, UUID(response.json()["id"])).terms["owner"] is None
    own = made(client, kind="cancel_jobs", ids=[3, 1, 3])
    assert task(messenger, UUID(own["id"])).terms["owner"] == str(USER)
    assert own["parameters"] == {"ids": [1, 3]}


def test_tasks_are_listed_by_kind_and_state_page_by_page(client: TestClient, messenger: Messenger) -> None:
    first, second = (made(client, **ALL)["id"] for _ in range(2))
    other = made(client, kind="cancel_jobs", all=True)["id"]
    asked(messenger, TaskKind.REPORT, user_id=UUID(int=2))
    page = client.get(TASKS, params={"limit": 2}).json()
    assert [one["id"] for one in page["items"]] == [other, second]
    rest = client.get(page["next"]).json()
    assert ([one["id"] for one in rest["items"]], rest["next"]) == ([first], None)
    chosen = client.get(TASKS, params={"kind": "delete_jobs", "state": "waiting"}).json()
    assert [one["id"] for one in chosen["items"]] == [second, first]
    assert client.get(TASKS, params={"kind": "report"}).json()["items"] == []
    assert client.get(TASKS, params={"cursor": page["cursor"], "state": "failed"}).status_code == 422


def test_one_that_waits_is_cancelled_at_once(client: TestClient) -> None:
    new = made(client, **ALL)
    for _ in range(2):
        response = client.post(f"{TASKS}/{new['id']}/cancel")
        assert (response.status_code, response.json()["state"]) == (200, "cancelled")
    assert response.json()["expires_at"]


def test_one_that_runs_is_cancelled_by_its_worker(client: TestClient, messenger: Messenger) -> None:
    new = made(client, **ALL)
    with messenger.transaction() as session:
        take(session, "worker-1", LEASE, None)
    response = client.post(f"{TASKS}/{new['id']}/cancel")
    assert (response.status_code, response.json()["state"]) == (202, "running")
    assert response.json()["cancel_requested"]
    make_due(messenger)
    assert client.post(f"{TASKS}/{new['id']}/cancel").json()["state"] == "cancelled", "its worker is gone"


def test_one_that_has_ended_is_deleted_and_not_cancelled(
    client: TestClient, messenger: Messenger, tmp_path: Path
) -> None:
    new = made(client, **ALL)
    assert client.delete(f"{TASKS}/{new['id']}").json()["code"] == "task_not_ended"
    done(messenger, tmp_path, UUID(new["id"]))
    assert client.post(f"{TASKS}/{new['id']}/cancel").json()["code"] == "task_ended"
    assert client.delete(f"{TASKS}/{new['id']}").status_code == 204
    assert client.get(f"{TASKS}/{new['id']}").json()["code"] == "task_not_found"
    assert client.get(f"{TASKS}/7").status_code == 404


def test_what_has_not_changed_is_not_sent_again(client: TestClient) -> None:
    new = made(client, **ALL)
    first = client.get(f"{TASKS}/{new['id']}")
    tag = first.headers["etag"]
    assert client.get(f"{TASKS}/{new['id']}", headers={"If-None-Match": tag}).status_code == 304
    client.post(f"{TASKS}/{new['id']}/cancel")
    changed = client.get(f"{TASKS}/{new['id']}", headers={"If-None-Match": tag})
    assert changed.status_code == 200
    assert changed.json()["updated_at"] > first.json()["updated_at"]


def test_a_lease_that_is_renewed_changes_nothing_of_it(client: TestClient, messenger: Messenger) -> None:
    address = f"{TASKS}/{made(client, **ALL)['id']}"
    with messenger.transaction() as session:
        taken = take(session, "worker-1", LEASE, None)
    assert taken
    tag = client.get(address).headers["etag"]
    with messenger.transaction() as session:
        life.renew(session, TaskLease(taken.id, taken.claims, LEASE))
    assert client.get(address, headers={"If-None-Match": tag}).status_code == 304


def test_what_was_made_is_downloaded_by_a_signed_url(
    client: TestClient, messenger: Messenger, settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(b"a,b\r\n")
    open_storage(settings).store.put({"made": tmp_path / "file"})
    said = {"filename": "report.csv", "media_type": "text/csv", "size_bytes": 5, "sha256": "0" * 64}
    task_id = asked(messenger, TaskKind.REPORT, state=TaskState.COMPLETED, file={"path": "made", **said})
    shown = client.get(f"{TASKS}/{task_id}").json()["file"]
    assert {name: shown[name] for name in said} == said
    del client.headers["authorization"]
    response = client.get(shown["url"], headers={"Range": "bytes=2-"})
    assert (response.status_code, response.content) == (206, b"b\r\n")
    assert "report.csv" in response.headers["content-disposition"]


def test_one_that_made_nothing_has_nothing_to_download(client: TestClient) -> None:
    new = made(client, **ALL)
    assert client.get(f"{TASKS}/{new['id']}/file").json()["code"] == "task_has_no_file"


def test_of_one_user_only_so_many_are_open(client: TestClient, messenger: Messenger) -> None:
    tasks = [asked(messenger, TaskKind.REPORT) for _ in range(MOST_OPEN)]
    response = client.post(TASKS, json=ALL)
    assert (response.status_code, response.json()["limit"]) == (429, "open_tasks")
    assert client.post(f"{TASKS}/{tasks[0]}/cancel").status_code == 200
    made(client, **ALL)


def test_an_archive_that_is_larger_than_other_files_may_be_is_uploaded(environ: dict[str, str], key: str) -> None:
    settings = load_settings({**environ, "ASSET_MAX_BYTES": "2000", "ARCHIVE_MAX_BYTES": "4000"})
    with TestClient(create_app(settings, QUICK), headers=bearer(key)) as client:
        for content, status in ((b"PK\3\4" + bytes(2500), 201), (b"PK\3\4" + bytes(4500), 413), (bytes(2500), 413)):
            response = client.post("/api/v1/assets", files={"file": content})
            assert response.status_code == status, response.text
        asset_id = client.get("/api/v1/assets").json()["items"][0]["id"]
        assert made(client, kind="import", asset_id=asset_id)["parameters"] == {"asset_id": asset_id}


def test_retries_count_as_submissions(environ: dict[str, str], key: str, messenger: Messenger) -> None:
    settings = load_settings({**environ, "LIMIT_SUBMISSIONS_PER_HOUR": "2"})
    for _ in range(3):
        ended(messenger)
    with TestClient(create_app(settings, QUICK), headers=bearer(key)) as client:
        made(client, kind="retry_jobs", all=True, dry_run=True)
        response = client.post(TASKS, json={"kind": "retry_jobs", "all": True})
        assert (response.status_code, response.json()["limit"]) == (429, "submissions_per_hour")
        made(client, kind="retry_jobs", ids=[1, 2])

"""Users and keys over HTTP: made, shown, changed, revoked; and who one is oneself."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine
from starlette.testclient import TestClient

from shared.accounts.retention import Kept
from shared.accounts.users import user_named
from shared.database.engine import transaction
from shared.messaging.messenger import Messenger
from shared.models import Scope
from tests.api_service.conftest import bearer, new_key
from tests.jobs import ANOTHER_USER, USER, submitted

USERS = "/api/v1/users"
KEYS = f"{USERS}/{USER}/keys"


@pytest.fixture
def admin(client: TestClient, engine: Engine) -> TestClient:
    client.headers.update(bearer(new_key(engine, Scope.ADMIN)))
    return client


def refused(response: Any, status: int, code: str) -> Any:
    assert (response.status_code, response.json()["code"]) == (status, code), response.text
    return response.json()


def test_a_user_is_made_and_found_where_it_is_said_to_be(admin: TestClient) -> None:
    made = admin.post(USERS, json={"name": "anna", "running_jobs_limit": 2, "weight": 0.5})
    assert made.status_code == 201
    assert (made.json()["running_jobs_limit"], made.json()["weight"]) == (2, 0.5)
    assert admin.get(made.headers["location"]).json() == made.json()


def test_two_users_of_one_name_are_refused_however_they_come_by_it(admin: TestClient) -> None:
    anna = admin.post(USERS, json={"name": "anna"}).json()
    refused(admin.post(USERS, json={"name": "anna"}), 409, "name_taken")
    refused(admin.patch(f"{USERS}/{anna['id']}", json={"name": "somebody"}), 409, "name_taken")
    assert admin.patch(f"{USERS}/{anna['id']}", json={"name": "anna"}).status_code == 200


def test_only_what_is_given_is_changed(admin: TestClient) -> None:
    url = f"{USERS}/{USER}"
    assert admin.patch(url, json={"running_jobs_limit": 0}).json()["running_jobs_limit"] == 0
    changed = admin.patch(url, json={"name": "renamed"}).json()
    assert (changed["name"], changed["running_jobs_limit"]) == ("renamed", 0)
    assert admin.patch(url, json={"running_jobs_limit": None}).json()["running_jobs_limit"] is None
    assert admin.patch(url, json={}).json()["name"] == "renamed"


@pytest.mark.parametrize(
    "body",
    [
        {"name": ""},
        {"name": " anna"},
        {"name": "a\0"},
        {"name": None},
        {"name": "x" * 256},
        {"name": "anna", "running_jobs_limit": -1},
        {"name": "anna", "running_jobs_limit": 2**31},
        {"name": "anna", "running_jobs_limit": True},
        {"name": "anna", "weight": 0},
        {"name": "anna", "weight": 101},
        {"name": "anna", "weight": None},
        {"name": "anna", "weight": True},
        {"name": "anna", "weight": "2"},
        {"name": "anna", "id": str(USER)},
        {"name": "anna", "retention_days": None},
        {"name": "anna", "retention_days": {"jobs": 0}},
        {"name": "anna", "retention_days": {"jobs": 36501}},
        {"name": "anna", "retention_days": {"jobs": "30"}},
        {"name": "anna", "retention_days": {"job": 30}},
    ],
)
def test_a_wrong_user_is_refused_whether_new_or_changed(admin: TestClient, body: dict[str, Any]) -> None:
    refused(admin.post(USERS, json=body), 422, "invalid_fields")
    refused(admin.patch(f"{USERS}/{USER}", json=body), 422, "invalid_fields")


def test_what_is_said_of_retention_takes_the_place_of_what_was(admin: TestClient) -> None:
    made = admin.post(USERS, json={"name": "anna", "retention_days": {"jobs": 30, "outputs": None}}).json()
    assert made["retention_days"] == {"jobs": 30, "outputs": None}
    url = f"{USERS}/{made['id']}"
    assert admin.patch(url, json={"name": "ann"}).json()["retention_days"] == {"jobs": 30, "outputs": None}
    assert admin.patch(url, json={"retention_days": {"assets": 36500}}).json()["retention_days"] == {"assets": 36500}
    assert admin.patch(url, json={"retention_days": {}}).json()["retention_days"] == {}


def test_each_kind_that_is_kept_for_a_time_may_differ_for_a_user(admin: TestClient) -> None:
    days = {kept.value: 7 for kept in Kept}
    assert admin.patch(f"{USERS}/{USER}", json={"retention_days": days}).json()["retention_days"] == days


def pages(client: TestClient, url: str) -> list[list[dict[str, Any]]]:
    found, address = [], f"{url}?limit=2"
    while address:
        page = client.get(address).json()
        found.append(page["items"])
        address = page["next"]
        assert (page["cursor"] is None) == (address is None)
    return found


def test_users_are_listed_in_pages_by_name(admin: TestClient) -> None:
    for name in ("zoe", "a & b", "max"):
        admin.post(USERS, json={"name": name})
    found = pages(admin, USERS)
    assert [len(page) for page in found] == [2, 2, 1]
    assert {user["name"] for page in found for user in page} == {"a & b", "max", "somebody", "somebody else", "zoe"}


def test_keys_are_listed_in_pages_the_oldest_first_and_without_secrets(admin: TestClient) -> None:
    made = [admin.post(KEYS, json={"name": name}).json() for name in ("one", "two", "three")]
    found = pages(admin, KEYS)
    assert [key["name"] for page in found for key in page][-3:] == ["one", "two", "three"]
    assert not [one for one in made if one["key"] in str(found) or one["key"].split("_")[2] in str(found)]


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=x", "page=1"])
def test_a_wrong_page_is_refused(admin: TestClient, query: str) -> None:
    for url in (USERS, KEYS):
        refused(admin.get(f"{url}?{query}"), 422, "invalid_query")


def test_a_key_is_shown_once_and_works(admin: TestClient) -> None:
    until = (datetime.now(UTC) + timedelta(days=90)).isoformat()
    body = {"name": "laptop", "scopes": ["jobs:read"], "expires_at": until, "limits": {"queued_jobs": None}}
    response = admin.post(KEYS, json=body)
    made = response.json()
    assert response.headers["cache-control"] == "no-store"
    assert (made["state"], made["scopes"], made["limits"]) == ("good", ["jobs:read"], {"queued_jobs": None})
    me = admin.get("/api/v1/me", headers=bearer(made["key"])).json()
    assert me["user"] == {"id": str(USER), "name": "somebody"}
    assert me["key"] == {
        "id": made["id"],
        "name": "laptop",
        "scopes": ["jobs:read"],
        "expires_at": made["expires_at"],
    }
    assert admin.post("/api/v1/generation-jobs/", json={}, headers=bearer(made["key"])).status_code == 403


def test_a_key_reads_and_writes_unless_said_otherwise(admin: TestClient) -> None:
    made = admin.post(KEYS, json={"name": "plain"}).json()
    assert (made["scopes"], made["limits"], made["expires_at"]) == (["jobs:read", "jobs:write"], {}, None)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"scopes": []}, "scopes"),
        ({"scopes": ["root"]}, "scopes[0]"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({"expires_at": "2100-01-01T00:00:00"}, "expires_at"),
        ({"expires_at": "9999-12-31T23:59:59-12:00"}, "expires_at"),
        ({"expires_at": 10**30}, "expires_at"),
        ({"limits": {"running_jobs": 1}}, "limits.running_jobs"),
        ({"limits": {"queued_jobs": -1}}, "limits.queued_jobs"),
        ({"limits": {"queued_jobs": "1"}}, "limits.queued_jobs"),
        ({"limits": None}, "limits"),
        ({"name": ""}, "name"),
    ],
)
def test_a_wrong_key_is_refused_by_field(admin: TestClient, values: dict[str, Any], field: str) -> None:
    problem = refused(admin.post(KEYS, json={"name": "k", **values}), 422, "invalid_fields")
    assert problem["errors"][0]["field"] == field


def test_a_revoked_key_is_refused_from_the_answer_on(admin: TestClient) -> None:
    made = admin.post(KEYS, json={"name": "k"}).json()
    assert admin.get("/api/v1/me", headers=bearer(made["key"])).status_code == 200
    url = f"/api/v1/keys/{made['id']}/revoke"
    revoked = admin.post(url).json()
    assert (revoked["state"], "key" in revoked) == ("revoked", False)
    assert admin.get("/api/v1/me", headers=bearer(made["key"])).status_code == 401
    assert admin.post(url).json() == revoked


@pytest.mark.parametrize(
    "user_id", [str(UUID(int=99)), "1", "x", "%00", f"{{{ANOTHER_USER}}}", str(USER).replace("-", "")]
)
def test_a_user_that_is_not_there_is_not_found(admin: TestClient, user_id: str) -> None:
    url = f"{USERS}/{user_id}"
    for response in (
        admin.get(url),
        admin.patch(url, json={}),
        admin.get(f"{url}/keys"),
        admin.post(f"{url}/keys", json={"name": "k"}),
    ):
        refused(response, 404, "user_not_found")


@pytest.mark.parametrize("key_id", ["nowhere", "%00", "A", "x" * 33, "gn_a_b"])
def test_a_key_that_is_not_there_is_not_found(admin: TestClient, key_id: str) -> None:
    refused(admin.post(f"/api/v1/keys/{key_id}/revoke"), 404, "key_not_found")


def test_one_is_told_what_limits_hold_and_what_one_has(client: TestClient, messenger: Messenger) -> None:
    submitted(messenger)
    me = client.get("/api/v1/me").json()
    assert me["limits"] == {
        "requests_per_minute": 600,
        "submissions_per_hour": 3600,
        "uploads_per_hour": 1000,
        "queued_jobs": 10_000,
        "running_jobs": None,
        "stored_bytes": None,
        "open_streams": 100,
        "priority": None,
    }
    assert (me["queued_jobs"], me["stored_bytes"]) == (1, 0)


def test_of_many_who_name_a_new_user_at_once_all_get_the_same(engine: Engine) -> None:
    def named(_: int) -> UUID:
        with transaction(engine) as session:
            return user_named(session, "anna").id

    with ThreadPoolExecutor(10) as threads:
        assert len(set(threads.map(named, range(10)))) == 1

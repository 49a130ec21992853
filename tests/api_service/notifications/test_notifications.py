"""/api/v1/notifications: what a user was told, in pages, counted, followed, and marked as read."""

import threading
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import Engine
from starlette.testclient import TestClient

from api_service.main import create_app
from shared.configuration.settings import Settings
from shared.messaging.messenger import Messenger
from shared.models import Scope
from tests.api_service.assets.test_uploading import refused
from tests.api_service.conftest import bearer, new_key
from tests.api_service.quick_api import QUICK
from tests.api_service.serving import EventReader, served_here
from tests.jobs import ANOTHER_USER, running
from tests.notifications import complete, completed, failed, listens, listens_by_mail, told
from worker_service.scheduler.news import tell_of_batches

NOTIFICATIONS = "/api/v1/notifications"


def listed(client: TestClient, **query: Any) -> list[int]:
    return [one["id"] for one in client.get(NOTIFICATIONS, params=query).json()["items"]]


def unread(client: TestClient) -> int:
    count: int = client.get(f"{NOTIFICATIONS}/unread").json()["unread"]
    return count


def test_what_a_user_was_told_is_listed_the_newest_first(client: TestClient, messenger: Messenger) -> None:
    listens(messenger)
    done, broken = completed(messenger), failed(messenger)
    first, second = client.get(NOTIFICATIONS).json()["items"]
    assert (first["kind"], first["job_id"], second["job_id"]) == ("job_failed", broken, done)
    assert second["title"] == f"Job {done} is completed, with 1 output"
    assert (second["data"], second["read_at"]) == ({"job_type": "image", "output_count": 1}, None)


def test_pages_lead_through_the_list(client: TestClient, messenger: Messenger) -> None:
    listens(messenger)
    for _ in range(5):
        completed(messenger)
    page = client.get(NOTIFICATIONS, params={"limit": 2}).json()
    found = [one["id"] for one in page["items"]]
    completed(messenger)  # which is on none of the pages that follow
    while page["next"]:
        page = client.get(page["next"]).json()
        found += [one["id"] for one in page["items"]]
    assert found == [one.id for one in reversed(told(messenger)[:5])]
    cursor = client.get(NOTIFICATIONS, params={"limit": 2}).json()["cursor"]
    refused(client.get(NOTIFICATIONS, params={"cursor": cursor, "unread": True}), 422, "invalid_cursor")


def test_one_is_marked_as_read_and_all_up_to_one(client: TestClient, messenger: Messenger) -> None:
    listens(messenger)
    for _ in range(4):
        completed(messenger)
    one, two, three, four = (row.id for row in told(messenger))
    assert unread(client) == 4
    assert client.post(f"{NOTIFICATIONS}/{two}/read").json()["read_at"] is not None
    assert listed(client, unread=True) == [four, three, one]
    assert client.post(f"{NOTIFICATIONS}/read", json={"up_to": three}).json() == {"read": 2}
    assert (unread(client), listed(client, unread=True)) == (1, [four])
    assert client.post(f"{NOTIFICATIONS}/read", json={}).json() == {"read": 1}
    assert unread(client) == 0
    first = client.post(f"{NOTIFICATIONS}/{two}/read").json()["read_at"]
    assert client.post(f"{NOTIFICATIONS}/{two}/read").json()["read_at"] == first


@pytest.mark.parametrize("number", ["0", "7", "-1", "x", "99999999999999999999", "9223372036854775807"])
def test_one_that_is_not_there_is_not_found(client: TestClient, number: str) -> None:
    refused(client.post(f"{NOTIFICATIONS}/{number}/read"), 404, "notification_not_found")


def test_nobody_sees_what_others_were_told_nor_what_was_only_mailed(client: TestClient, messenger: Messenger) -> None:
    listens(messenger, ANOTHER_USER)
    completed(messenger, user_id=ANOTHER_USER)
    listens_by_mail(messenger)
    completed(messenger)
    assert (listed(client), unread(client)) == ([], 0)
    for row in (*told(messenger), *told(messenger, ANOTHER_USER)):
        refused(client.post(f"{NOTIFICATIONS}/{row.id}/read"), 404, "notification_not_found")
    assert client.post(f"{NOTIFICATIONS}/read", json={}).json() == {"read": 0}


def test_who_watched_the_end_of_a_job_is_mailed_nothing_and_has_read_it(
    settings: Settings, engine: Engine, messenger: Messenger
) -> None:
    listens_by_mail(messenger, in_app=["job_completed"])
    watched, admins = running(messenger), running(messenger)
    headers, of_admin = bearer(new_key(engine)), bearer(new_key(engine, Scope.ADMIN, another=True))
    with TestClient(create_app(settings, QUICK)) as client:
        with (
            client.websocket_connect(f"/ws/jobs/{watched.job.id}", headers=headers) as socket,
            client.websocket_connect(f"/ws/jobs/{admins.job.id}", headers=of_admin) as another,
            client.websocket_connect("/ws/jobs", headers=headers) as everything,
        ):
            for one in (socket, another, everything):
                one.receive_json()
            complete(messenger, admins)
            alone = completed(messenger)
            complete(messenger, watched)
            assert socket.receive_json()["type"] == "completed"
            assert another.receive_json()["type"] == "completed"
        while not {row.job_id: row for row in told(messenger)}[watched.job.id].read_at:
            threading.Event().wait(0.02)
    rows = {row.job_id: (row.mail_owed, row.read_at is not None) for row in told(messenger)}
    assert rows == {watched.job.id: (False, True), admins.job.id: (True, False), alone: (True, False)}


@pytest.mark.system
def test_notifications_are_followed_live_and_from_where_the_client_left(
    environ: dict[str, str], key: str, messenger: Messenger
) -> None:
    listens(messenger)
    first = told_of(messenger, completed(messenger))
    with served_here(environ, key) as api:
        with api.follow(f"{NOTIFICATIONS}/events") as stream:
            job_id = completed(messenger)
            heard = stream.next()
            assert heard
            second = told_of(messenger, job_id)
            assert (heard["id"], heard["event"], heard["data"]["job_id"]) == (str(second), "notification", job_id)
            failed(messenger, batch_id=uuid4())
            assert tell_of_batches(messenger) == 1
            heard = stream.next()
            assert heard
            assert heard["data"]["kind"] == "batch_done"
        with api.follow(f"{NOTIFICATIONS}/events", **{"Last-Event-ID": str(first)}) as stream:
            heard = stream.next()
            assert heard
            assert heard["id"] == str(second)


@pytest.mark.system
def test_a_ticket_opens_the_stream_of_notifications_and_resumes_it(
    environ: dict[str, str], key: str, messenger: Messenger
) -> None:
    listens(messenger)
    with served_here(environ, key) as api:
        http = httpx.Client(base_url=f"http://{api.address}", timeout=60)
        ticket = http.post("/api/v1/stream-tickets", headers=bearer(key)).json()["ticket"]
        path, last = f"{NOTIFICATIONS}/events?ticket={ticket}", ""
        for number in range(2):
            with http.stream("GET", path, headers={"Last-Event-ID": last} if last else {}) as response:
                stream = EventReader(response)
                opened = stream.next()
                assert opened
                assert opened["event"] == "opened"
                job_id = completed(messenger)
                heard = stream.next()
                assert heard
                assert (heard["data"]["job_id"], "-" in heard["id"]) == (job_id, True), number
                last = heard["id"]
        http.close()


@pytest.mark.parametrize("last", ["x", "-1", "9" * 20])
def test_an_id_that_is_none_is_refused(client: TestClient, last: str) -> None:
    refused(client.get(f"{NOTIFICATIONS}/events", headers={"Last-Event-ID": last}), 422, "invalid_query")


def told_of(messenger: Messenger, job_id: int) -> int:
    (number,) = (row.id for row in told(messenger) if row.job_id == job_id)
    return number

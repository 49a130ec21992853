"""/api/v1/webhooks: where users are told of ended jobs, and what became of each telling."""

import threading
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, update
from sqlmodel import col
from standardwebhooks import Webhook
from starlette.testclient import TestClient

from shared.database.clock import database_time
from shared.jobs import lifecycle
from shared.messaging.messages import Queue
from shared.messaging.messenger import Messenger
from shared.models import DeliveryState, WebhookDelivery, WebhookEndpoint
from shared.outgoing.allowed import allowed_by
from shared.outgoing.exchange import Outgoing
from tests.api_service.assets.test_uploading import field, refused
from tests.jobs import USER, output, running
from tests.raw_server import answer, raw_server
from tests.webhooks import endpoint, endpoint_row, taken_apart, verified
from worker_service.webhooks.sender import Deliveries

WEBHOOKS = "/api/v1/webhooks"
URL = "https://hooks.example.com/a"


def made(client: TestClient, **body: Any) -> Any:
    response = client.post(WEBHOOKS, json={"url": URL, **body})
    assert response.status_code == 201, response.text
    return response.json()


def completed(messenger: Messenger) -> int:
    claim = running(messenger)
    with messenger.transaction() as session:
        lifecycle.complete(session, claim.lease, [output(claim)])
    return claim.job.id


def deliver(messenger: Messenger) -> int:
    """As a worker does, for which this machine may be asked."""
    return Deliveries(messenger.engine, Outgoing(allowed_by(["127.0.0.1"])), threading.Event()).deliver_all()


def log(client: TestClient, webhook_id: object, **query: str) -> Any:
    return client.get(f"{WEBHOOKS}/{webhook_id}/deliveries", params=query).json()


def test_a_webhook_is_made_shown_listed_and_deleted(client: TestClient) -> None:
    response = client.post(WEBHOOKS, json={"url": URL, "description": "gallery", "metadata": {"shot": "12"}})
    new = response.json()
    assert response.headers["location"] == f"{WEBHOOKS}/{new['id']}"
    assert response.headers["cache-control"] == "no-store"
    secret = new.pop("secret")
    Webhook(secret)  # it takes no other form
    assert (new["user_id"], new["enabled"], new["failures"]) == (str(USER), True, 0)
    ends = ["job.completed", "job.failed", "job.cancelled", "job.expired"]
    assert new["event_types"] == [*ends, "notification.created"]
    assert client.get(f"{WEBHOOKS}/{new['id']}").json() == new
    assert client.get(WEBHOOKS).json() == {"items": [new]}
    assert secret not in client.get(WEBHOOKS).text
    assert client.delete(f"{WEBHOOKS}/{new['id']}").status_code == 204
    refused(client.get(f"{WEBHOOKS}/{new['id']}"), 404, "webhook_not_found")


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({}, "url"),
        ({"url": "http://example.com/"}, "url"),
        ({"url": "https://user:pw@example.com/"}, "url"),
        ({"url": "https://10.0.0.1:5432/"}, "url"),
        ({"url": "https://example.com/\u0000"}, "url"),
        ({"url": URL, "event_types": []}, "event_types"),
        ({"url": URL, "event_types": ["job.failed", "job.started"]}, "event_types[1]"),
        ({"url": URL, "event_types": ["job.started"]}, "event_types[0]"),  # and not that there is none
        ({"url": URL, "metadata": {"a": "x" * 5000}}, "metadata"),
        ({"url": URL, "enabled": "yes"}, "enabled"),
        ({"url": URL, "description": "x" * 256}, "description"),
        ({"url": URL, "secret": "mine"}, "secret"),
    ],
)
def test_a_wrong_field_is_named(client: TestClient, body: dict[str, Any], name: str) -> None:
    assert field(client.post(WEBHOOKS, json=body)) == name
    if "url" in body:
        one = made(client)
        assert field(client.patch(f"{WEBHOOKS}/{one['id']}", json=body)) == name


def test_a_change_leaves_what_it_does_not_name(client: TestClient, messenger: Messenger) -> None:
    one = made(client, description="gallery", metadata={"shot": "12"})
    one.pop("secret")
    changed = client.patch(f"{WEBHOOKS}/{one['id']}", json={"event_types": ["job.failed"], "enabled": False}).json()
    assert changed == {**one, "event_types": ["job.failed"], "enabled": False}
    assert client.patch(f"{WEBHOOKS}/{one['id']}", json={}).json() == changed


def test_one_that_is_enabled_again_begins_afresh(client: TestClient, messenger: Messenger) -> None:
    one = endpoint(messenger, URL, enabled=False, disabled_reason="it answered 410", failures=60)
    shown = client.get(f"{WEBHOOKS}/{one.id}").json()
    assert (shown["disabled_reason"], shown["failures"]) == ("it answered 410", 60)
    changed = client.patch(f"{WEBHOOKS}/{one.id}", json={"enabled": True}).json()
    assert (changed["enabled"], changed["disabled_reason"], changed["failures"]) == (True, None, 0)


def test_a_user_has_twenty_at_most(client: TestClient) -> None:
    for _ in range(20):
        made(client)
    assert refused(client.post(WEBHOOKS, json={"url": URL}), 429, "quota_exceeded")["limit"] == "webhooks"


def test_a_secret_is_replaced_and_the_old_one_signs_for_a_day(client: TestClient, messenger: Messenger) -> None:
    with raw_server(answer(b"")) as server:
        one = endpoint(messenger, server.url)
        response = client.post(f"{WEBHOOKS}/{one.id}/secret")
        assert response.headers["cache-control"] == "no-store"
        assert response.json()["previous_secret_until"]
        assert client.post(f"{WEBHOOKS}/{one.id}/test").status_code == 202
        assert deliver(messenger) == 1
    (request,) = server.asked
    new = endpoint_row(messenger, one.id)
    headers, body = taken_apart(request)
    assert new.secret != one.secret
    for secret in (one.secret, new.secret):
        assert verified(request, secret)["type"] == "webhook.test"
    Webhook(response.json()["secret"]).verify(body, headers)


def test_a_test_is_delivered_and_its_outcome_is_shown(client: TestClient, messenger: Messenger) -> None:
    with raw_server(answer(b"x" * 5000, "418 I'm a teapot")) as server:
        one = endpoint(messenger, server.url, event_types=["job.failed"])
        owed = client.post(f"{WEBHOOKS}/{one.id}/test").json()
        assert (owed["type"], owed["state"], owed["tries"], owed["job_id"]) == ("webhook.test", "pending", 0, None)
        assert messenger.waiting_messages(Queue.WEBHOOKS) == 1
        deliver(messenger)
    (shown,) = log(client, one.id)["items"]
    assert (shown["id"], shown["tries"], shown["last_status"], shown["state"]) == (owed["id"], 1, 418, "pending")
    assert (shown["last_answer"], shown["last_error"]) == ("x" * 4096, None)
    assert shown["next_try_at"] > shown["last_tried_at"]
    assert shown["body"] == owed["body"]


def test_a_delivery_is_sent_once_more_under_the_same_id(client: TestClient, messenger: Messenger) -> None:
    with raw_server(answer(b"")) as server:
        one = endpoint(messenger, server.url)
        job_id = completed(messenger)
        deliver(messenger)
        (shown,) = log(client, one.id)["items"]
        assert (shown["job_id"], shown["state"], shown["next_try_at"]) == (job_id, "delivered", None)
        again = client.post(f"{WEBHOOKS}/{one.id}/deliveries/{shown['id']}/redeliver")
        assert (again.status_code, again.json()["state"]) == (202, "pending")
        deliver(messenger)
    first, second = map(taken_apart, server.asked)
    assert (first[0]["webhook-id"], first[1]) == (second[0]["webhook-id"], second[1])
    assert first[0]["webhook-id"] == shown["message_id"]


def test_what_failed_since_a_moment_is_sent_once_more(client: TestClient, messenger: Messenger) -> None:
    one = endpoint(messenger, URL)
    for hours, state in ((3, "failed"), (1, "failed"), (1, "delivered")):
        completed(messenger)
        with messenger.transaction() as session:
            newest = col(WebhookDelivery.created_at) > func.now() - timedelta(minutes=30)
            ago = func.now() - timedelta(hours=hours)
            session.exec(update(WebhookDelivery).where(newest).values(state=DeliveryState(state), created_at=ago))
    with messenger.transaction() as session:
        since = database_time(session) - timedelta(hours=2)
    answered = client.post(f"{WEBHOOKS}/{one.id}/redeliver-failed", json={"since": since.isoformat()})
    assert (answered.status_code, answered.json()) == (202, {"deliveries": 1})
    assert [item["state"] for item in log(client, one.id)["items"]] == ["delivered", "pending", "failed"]


@pytest.mark.parametrize("what", ["test", "redeliver-failed", "one", "change"])
def test_a_webhook_that_rests_goes_on_when_its_owner_asks(client: TestClient, messenger: Messenger, what: str) -> None:
    one = endpoint(messenger, URL)
    sent = client.post(f"{WEBHOOKS}/{one.id}/test").json()["id"]
    with messenger.transaction() as session:
        session.exec(update(WebhookEndpoint).values(rests_until=func.now() + timedelta(hours=1)))
    assert client.get(f"{WEBHOOKS}/{one.id}").json()["rests_until"]
    match what:
        case "one":
            client.post(f"{WEBHOOKS}/{one.id}/deliveries/{sent}/redeliver")
        case "change":
            client.patch(f"{WEBHOOKS}/{one.id}", json={"url": f"{URL}/2"})
        case _:
            client.post(f"{WEBHOOKS}/{one.id}/{what}", json={"since": "2026-01-01T00:00:00Z"})
    assert client.get(f"{WEBHOOKS}/{one.id}").json()["rests_until"] is None


def test_deliveries_have_pages_and_a_filter(client: TestClient, messenger: Messenger) -> None:
    one = endpoint(messenger, URL)
    ids = [client.post(f"{WEBHOOKS}/{one.id}/test").json()["id"] for _ in range(3)]
    first = log(client, one.id, limit="2")
    second = client.get(first["next"]).json()
    assert [item["id"] for item in [*first["items"], *second["items"]]] == ids[::-1]
    assert second["next"] is None
    assert log(client, one.id, state="failed")["items"] == []
    refused(client.get(f"{WEBHOOKS}/{one.id}/deliveries?state=failed&cursor={first['cursor']}"), 422, "invalid_cursor")


@pytest.mark.parametrize("odd", ["1", "x", str(UUID(int=7))])
def test_what_is_not_there_is_not_found(client: TestClient, messenger: Messenger, odd: str) -> None:
    refused(client.get(f"{WEBHOOKS}/{odd}"), 404, "webhook_not_found")
    one = endpoint(messenger, URL)
    refused(client.post(f"{WEBHOOKS}/{one.id}/deliveries/{odd}/redeliver"), 404, "delivery_not_found")

"""A job names a webhook of its own, at either door; what signs it is shown once, or never."""

from typing import Any

import pytest
from sqlmodel import col, select
from standardwebhooks import Webhook
from starlette.testclient import TestClient

from shared.jobs import lifecycle
from shared.messaging.messenger import Messenger
from shared.models import JobWebhook
from shared.webhooks.signing import as_shown, drawn_secret
from shared.workflows.opaque_names import job_id_of
from tests.api_service.assets.test_uploading import field, refused
from tests.api_service.submit.test_submitting import LEAST
from tests.jobs import output, running
from tests.simulator.graphs import txt2img

JOBS, WEBHOOKS = "/api/v1/generation-jobs", "/api/v1/webhooks"
URL = "https://hooks.example.com/one"


def posted(client: TestClient, webhook: Any) -> Any:
    return client.post(JOBS, json={**LEAST, "webhook": webhook})


def named(messenger: Messenger) -> list[tuple[int, str, bytes | None]]:
    with messenger.transaction() as session:
        found = session.exec(select(JobWebhook).order_by(col(JobWebhook.job_id))).all()
        return [(one.job_id, one.url, one.secret) for one in found]


def test_a_job_names_a_url_and_a_secret_which_is_not_shown(client: TestClient, messenger: Messenger) -> None:
    secret = drawn_secret()
    response = posted(client, {"url": URL, "secret": as_shown(secret)})
    assert response.status_code == 201, response.text
    job_id = response.json()["id"]
    assert named(messenger) == [(job_id, URL, secret)]
    for text in (response.text, client.get(f"{JOBS}/{job_id}").text, client.get(WEBHOOKS).text):
        assert as_shown(secret) not in text


def test_each_job_of_a_batch_names_its_own(client: TestClient, messenger: Messenger) -> None:
    jobs = [{**LEAST, "webhook": {"url": f"{URL}/1"}}, LEAST, {**LEAST, "webhook": {"url": f"{URL}/2"}}]
    made = [job["id"] for job in client.post(f"{JOBS}/bulk", json={"jobs": jobs}).json()["jobs"]]
    assert named(messenger) == [(made[0], f"{URL}/1", None), (made[2], f"{URL}/2", None)]


@pytest.mark.parametrize(
    ("webhook", "where"),
    [
        ({"url": "http://example.com/"}, "webhook.url"),
        ({"url": "https://127.0.0.1/"}, "webhook.url"),
        ({"url": ""}, "webhook.url"),
        ({}, "webhook.url"),
        ({"url": URL, "secret": "no-such-secret"}, "webhook.secret"),
        ({"url": URL, "secret": "whsec_AAAA"}, "webhook.secret"),
        ({"url": URL, "events": []}, "webhook.events"),
        (URL, "webhook"),
    ],
    ids=repr,
)
def test_a_wrong_webhook_is_refused_with_its_field(
    client: TestClient, messenger: Messenger, webhook: Any, where: str
) -> None:
    problem = refused(posted(client, webhook), 422, "invalid_fields")
    assert [error["field"] for error in problem["errors"]] == [where]
    assert "no-such-secret" not in str(problem)
    assert named(messenger) == []


def test_one_in_a_batch_is_named_by_its_index(client: TestClient) -> None:
    jobs = [LEAST, {**LEAST, "webhook": {"url": "http://example.com/"}}]
    assert field(client.post(f"{JOBS}/bulk", json={"jobs": jobs})) == "jobs[1].webhook.url"


def test_the_comfy_api_takes_a_url(client: TestClient, messenger: Messenger) -> None:
    made = client.post("/api/v2/jobs", json={"workflow": txt2img(), "webhook_url": URL})
    assert made.status_code == 201, made.text
    assert named(messenger) == [(job_id_of(made.json()["id"]), URL, None)]
    wrong = client.post("/api/v2/jobs", json={"workflow": txt2img(), "webhook_url": "http://example.com/"})
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (422, "invalid_request")
    assert "webhook_url" in wrong.text


def test_a_job_that_is_tried_again_tells_where_its_parent_did(client: TestClient, messenger: Messenger) -> None:
    job_id = posted(client, {"url": URL}).json()["id"]
    assert client.post(f"{JOBS}/{job_id}/cancel").status_code == 200
    again = client.post(f"{JOBS}/{job_id}/retry").json()["id"]
    assert named(messenger) == [(job_id, URL, None), (again, URL, None)]


def test_the_secret_of_jobs_is_drawn_and_shown_once(client: TestClient) -> None:
    response = client.post(f"{WEBHOOKS}/of-jobs/secret")
    first = response.json()
    assert (response.status_code, response.headers["cache-control"]) == (200, "no-store")
    Webhook(first.pop("secret"))
    assert (first["of_jobs"], first["url"], first["previous_secret_until"]) == (True, None, None)
    assert client.get(WEBHOOKS).json() == {"items": [first]}
    again = client.post(f"{WEBHOOKS}/of-jobs/secret").json()
    assert again["id"] == first["id"]
    assert again["previous_secret_until"] is not None


def test_what_each_job_says_is_not_said_of_all(client: TestClient, messenger: Messenger) -> None:
    posted(client, {"url": URL})
    (found,) = client.get(WEBHOOKS).json()["items"]
    address = f"{WEBHOOKS}/{found['id']}"
    for change in ({"url": URL}, {"event_types": ["job.failed"]}, {"metadata": {"a": 1}}):
        assert field(client.patch(address, json=change)) == next(iter(change))
    assert field(client.post(f"{address}/test")) == "url"
    assert client.patch(address, json={"enabled": False}).json()["enabled"] is False
    claim = running(messenger)
    with messenger.transaction() as session:
        lifecycle.complete(session, claim.lease, [output(claim)])
    assert client.get(f"{address}/deliveries").json()["items"] == []

"""POST .../cancel: at once, on its way, too late, or nobody's."""

import pytest
from starlette.testclient import TestClient

from shared.configuration.settings import Settings
from shared.jobs import lifecycle
from shared.messaging.events import Channels
from shared.messaging.messenger import Messenger
from tests.jobs import output, running, submitted

URL = "/api/v1/generation-jobs"


def test_a_waiting_job_is_cancelled_at_once_and_twice_is_the_same(client: TestClient, messenger: Messenger) -> None:
    job_id = submitted(messenger)
    first = client.post(f"{URL}/{job_id}/cancel")
    second = client.post(f"{URL}/{job_id}/cancel")
    assert (first.status_code, first.json()["status"]) == (200, "cancelled")
    assert (second.status_code, second.json()) == (first.status_code, first.json())


def test_a_running_job_is_on_its_way_to_be_cancelled_and_its_worker_is_told(
    client: TestClient, messenger: Messenger, settings: Settings
) -> None:
    claim = running(messenger)
    with messenger.client.pubsub(ignore_subscribe_messages=True) as pubsub:  # type: ignore[no-untyped-call]
        pubsub.subscribe(Channels(settings.redis_ns).cancels)
        pubsub.get_message(timeout=60)
        response = client.post(f"{URL}/{claim.job.id}/cancel")
        told = pubsub.get_message(timeout=60)
    assert (response.status_code, response.json()["status"]) == (202, "cancelling")
    assert told["data"] == str(claim.job.id).encode()
    assert client.post(f"{URL}/{claim.job.id}/cancel").status_code == 202


def test_a_job_that_has_ended_cannot_be_cancelled(client: TestClient, messenger: Messenger) -> None:
    claim = running(messenger)
    with messenger.transaction() as session:
        lifecycle.complete(session, claim.lease, [output(claim)])
    response = client.post(f"{URL}/{claim.job.id}/cancel")
    assert (response.status_code, response.json()["code"]) == (409, "job_ended")
    assert "completed" in response.json()["detail"]
    assert client.get(f"{URL}/{claim.job.id}").json()["status"] == "completed"


@pytest.mark.parametrize(
    ("method", "path"), [("GET", ""), ("POST", "/cancel"), ("GET", "/outputs/0"), ("GET", "/thumbnails/0")]
)
def test_a_job_that_is_not_there_is_not_found(client: TestClient, method: str, path: str) -> None:
    names = ("1", "0", "-1", "x", "2147483648", "9" * 5000, "1.0", "\uff11", " 1", "%00")
    answers = {name: client.request(method, f"{URL}/{name}{path}") for name in names}
    found = {name: (answer.status_code, answer.json()["code"]) for name, answer in answers.items()}
    assert found == dict.fromkeys(names, (404, "job_not_found"))

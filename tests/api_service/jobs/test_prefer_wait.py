"""`Prefer: wait=N`: the answer comes with the job's end, or after N seconds, or not at all for one who hung up."""

import json
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import anyio
import pytest
from sqlmodel import select
from starlette.testclient import TestClient
from starlette.types import Message, Scope

from api_service.doors.services import Services
from api_service.main import create_app, running
from shared.accounts.keys import revoke_key
from shared.configuration.settings import Settings, load_settings
from shared.jobs import lifecycle
from shared.jobs.claim.claims import Claim
from shared.messaging.messenger import Messenger
from shared.models import GenerationJob, JobStatus
from tests.api_service.conftest import bearer, without_notes
from tests.api_service.quick_api import QUICK
from tests.api_service.submit.test_submitting import LEAST, URL
from tests.jobs import answering, claimed, job, output, submitted
from tests.worker_service.waiting import until


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as threads:
        yield threads


def post(client: TestClient, prefer: str, **headers: str) -> Any:
    return client.post(URL, json=LEAST, headers={"Prefer": prefer, **headers})


def next_job(messenger: Messenger) -> Claim:
    """The job that a client waits for, in a worker's hands."""
    found: list[Claim] = []

    def taken() -> bool:
        answering(messenger)
        claim = claimed(messenger)
        found.extend([claim] if claim else [])
        return bool(found)

    until(taken)
    return found[0]


def complete(messenger: Messenger, claim: Claim) -> None:
    with messenger.transaction() as session:
        lifecycle.complete(session, claim.lease, [output(claim)])


def answer_of(waiting: Future[Any]) -> Any:
    return waiting.result(timeout=60)


def test_whoever_asks_for_a_job_waits_for_its_end_too(
    client: TestClient, messenger: Messenger, threads: ThreadPoolExecutor
) -> None:
    address = f"{URL}{submitted(messenger)}"
    tag = client.get(address).headers["etag"]
    asked = threads.submit(client.get, address, headers={"Prefer": "wait=60", "If-None-Match": tag})
    complete(messenger, next_job(messenger))
    answer = answer_of(asked)
    assert (answer.status_code, answer.json()["status"]) == (200, "completed")
    assert answer.headers["preference-applied"] == "wait=60"
    assert len(answer.json()["outputs"]) == 1
    ended = client.get(address, headers={"Prefer": "wait=60", "If-None-Match": answer.headers["etag"]})
    assert (ended.status_code, ended.headers["preference-applied"]) == (304, "wait=60")


def test_waiting_for_a_job_that_is_not_there_is_refused_at_once(client: TestClient) -> None:
    assert client.get(f"{URL}77", headers={"Prefer": "wait=60"}).status_code == 404


def test_the_answer_comes_with_the_finished_job(
    client: TestClient, messenger: Messenger, threads: ThreadPoolExecutor
) -> None:
    waiting = threads.submit(post, client, "wait=60")
    complete(messenger, next_job(messenger))
    response = answer_of(waiting)
    assert (response.status_code, response.headers["preference-applied"]) == (201, "wait=60")
    body = response.json()
    assert (body["status"], len(body["outputs"])) == ("completed", 1)
    assert response.headers["location"] == body["links"]["self"]
    assert without_notes(body).items() <= without_notes(client.get(body["links"]["self"]).json()).items()


def test_a_job_that_is_cancelled_meanwhile_has_ended_too(
    client: TestClient, messenger: Messenger, threads: ThreadPoolExecutor
) -> None:
    waiting = threads.submit(post, client, "wait=60")
    claim = next_job(messenger)
    for _ in range(2):
        assert client.post(f"{URL}{claim.job.id}/cancel").json()["status"] == "cancelling"
    with messenger.transaction() as session:
        lifecycle.confirm_cancel(session, claim.lease)
    assert answer_of(waiting).json()["status"] == "cancelled"


def test_after_the_time_it_is_the_job_as_it_stands(client: TestClient) -> None:
    response = post(client, "wait=1")
    assert (response.status_code, response.headers["preference-applied"]) == (201, "wait=1")
    assert response.json()["status"] == "queued"


@pytest.mark.parametrize(
    ("prefer", "applied"),
    [
        ("wait=0", "wait=0"),
        ('wait="0"', "wait=0"),
        ("respond-async, Wait = 0 ; x=y, wait=60", "wait=0"),
        ("wait=-1", None),
        ("wait=soon", None),
        ("wait", None),
        ("respond-async", None),
        ("", None),
    ],
)
def test_a_preference_that_is_not_understood_is_none(client: TestClient, prefer: str, applied: str | None) -> None:
    response = post(client, prefer)
    assert response.status_code == 201
    assert response.headers.get("preference-applied") == applied


def test_nobody_waits_longer_than_a_minute(
    client: TestClient, messenger: Messenger, threads: ThreadPoolExecutor
) -> None:
    waiting = threads.submit(post, client, "wait=86400")
    complete(messenger, next_job(messenger))
    assert answer_of(waiting).headers["preference-applied"] == "wait=60"


def test_the_same_request_again_waits_for_the_same_job(
    client: TestClient, messenger: Messenger, threads: ThreadPoolExecutor
) -> None:
    key = {"Idempotency-Key": "k"}
    first = threads.submit(post, client, "wait=60", **key)
    claim = next_job(messenger)
    again = threads.submit(post, client, "wait=60", **key)
    complete(messenger, claim)
    assert (answer_of(first).status_code, answer_of(again).status_code) == (201, 200)
    assert without_notes(answer_of(again).json()) == without_notes(answer_of(first).json())
    late = post(client, "wait=60", **key)
    assert (late.json()["status"], len(late.json()["outputs"])) == ("completed", 1)


def test_who_waits_learns_nothing_more_once_the_key_has_ended(
    client: TestClient, messenger: Messenger, threads: ThreadPoolExecutor, key: str
) -> None:
    waiting = threads.submit(post, client, "wait=60")
    claim = next_job(messenger)
    with messenger.transaction() as session:
        revoke_key(session, key.split("_")[1])
    response = answer_of(waiting)
    assert (response.status_code, response.json()["id"]) == (201, claim.job.id)
    assert response.json()["status"] == "queued"


def test_without_redis_the_end_is_read_from_the_rows(
    environ: dict[str, str], key: str, messenger: Messenger, threads: ThreadPoolExecutor
) -> None:
    settings = load_settings({**environ, "REDIS_URL": "redis://127.0.0.1:9/3"})
    with TestClient(create_app(settings, QUICK), headers=bearer(key)) as client:
        waiting = threads.submit(post, client, "wait=60")
        recorded: list[int] = []

        def accepted() -> bool:
            with messenger.transaction() as session:
                recorded.extend(session.exec(select(GenerationJob.id)).all())
            return bool(recorded)

        until(accepted)
        client.post(f"{URL}{recorded[0]}/cancel")
        assert answer_of(waiting).json()["status"] == "cancelled"


async def submit_and_hang_up(services: Services, settings: Settings, key: str) -> list[Message]:
    """Ask the application itself, as a server does whose client goes away once it has sent everything."""
    body = json.dumps(LEAST).encode()
    coming: list[Message] = [{"type": "http.request", "body": body}, {"type": "http.disconnect"}]
    sent: list[Message] = []

    async def receive() -> Message:
        return coming.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    headers = {"content-type": "application/json", "prefer": "wait=60", **bearer(key)}
    scope: Scope = {
        "type": "http",
        "method": "POST",
        "path": URL,
        "query_string": b"",
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
        "state": {"services": services},
    }
    with anyio.fail_after(40):
        await create_app(settings)(scope, receive, send)
    return sent


def test_who_hangs_up_is_not_waited_for(settings: Settings, key: str, messenger: Messenger) -> None:
    async def hang_up() -> tuple[list[Message], int]:
        async with running(settings) as services:
            sent = await submit_and_hang_up(services, settings, key)
            return sent, len(list(services.relay.watchers))

    sent, watches = anyio.run(hang_up)
    assert sent[0]["status"] == 201
    assert watches == 0
    assert job(messenger, json.loads(sent[1]["body"])["id"]).status is JobStatus.QUEUED

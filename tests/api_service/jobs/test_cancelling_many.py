"""POST .../cancel: what matches is cancelled; and 50 who cancel one job while it completes are told the same."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from starlette.testclient import TestClient

from api_service.jobs import cancel_many
from shared.configuration.settings import Settings
from shared.jobs import lifecycle
from shared.jobs.errors import CancelRequested
from shared.jobs.lifecycle import AlreadySettled
from shared.messaging.events import Channels
from shared.messaging.messenger import Messenger
from shared.models import EventType, JobStatus, Scope
from tests.api_service.conftest import bearer, new_key
from tests.jobs import ANOTHER_USER, USER, events, job, new_job, output, running, submitted

URL = "/api/v1/generation-jobs"


def cancelled(client: TestClient, **body: Any) -> Any:
    response = client.post(f"{URL}/cancel", json=body)
    assert response.status_code == 200, response.text
    return response.json()


def test_all_of_mine_that_have_not_ended_are_cancelled(
    client: TestClient, messenger: Messenger, settings: Settings
) -> None:
    claim, done = running(messenger), running(messenger)
    waiting = [submitted(messenger) for _ in range(3)]
    with messenger.transaction() as session:
        lifecycle.complete(session, done.lease, [output(done)])
        others = new_job()
        others.user_id = ANOTHER_USER
        session.add(others)
    with messenger.client.pubsub(ignore_subscribe_messages=True) as pubsub:  # type: ignore[no-untyped-call]
        pubsub.subscribe(Channels(settings.redis_ns).cancels)
        pubsub.get_message(timeout=60)
        assert cancelled(client, all=True) == {"cancelled": 3, "cancelling": 1, "complete": True}
        told = pubsub.get_message(timeout=60)
    assert told["data"] == str(claim.job.id).encode()
    assert {job(messenger, job_id).status for job_id in waiting} == {JobStatus.CANCELLED}
    assert job(messenger, claim.job.id).status is JobStatus.CANCELLING
    assert job(messenger, done.job.id).status is JobStatus.COMPLETED
    assert job(messenger, others.id).status is JobStatus.QUEUED
    assert cancelled(client, all=True) == {"cancelled": 0, "cancelling": 0, "complete": True}
    assert [event.type for event in events(messenger, waiting[0])] == [EventType.QUEUED, EventType.CANCELLED]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"status": ["queued"]}, 4),
        ({"status": ["pending", "running"]}, 0),
        ({"status": ["completed"]}, 0),
        ({"checkpoint": "other"}, 1),
        ({"metadata": ["project:a"]}, 2),
        ({"metadata": ["project:a"], "text": "dog"}, 1),
        ({"created_before": "2020-01-01T00:00:00Z"}, 0),
        ({"all": True, "text": "dog"}, 1),
        ({"batch": "00000000-0000-0000-0000-000000000005"}, 0),
    ],
)
def test_filters_choose_as_in_the_list(client: TestClient, messenger: Messenger, body: Any, expected: int) -> None:
    submitted(messenger)
    submitted(messenger, checkpoint_model="other")
    submitted(messenger, caller_metadata={"project": "a"}, prompt="a dog")
    submitted(messenger, caller_metadata={"project": "a"})
    assert cancelled(client, **body)["cancelled"] == expected


@pytest.mark.parametrize(
    "body", [{}, {"all": False}, {"status": []}, {"user_id": str(USER)}, {"text": None}, {"limit": 3}, {"status": "x"}]
)
def test_what_does_not_say_which_is_refused(client: TestClient, messenger: Messenger, body: Any) -> None:
    job_id = submitted(messenger)
    response = client.post(f"{URL}/cancel", json=body)
    assert (response.status_code, response.json()["code"]) == (422, "invalid_fields")
    assert job(messenger, job_id).status is JobStatus.QUEUED


def test_everybodys_jobs_are_cancelled_by_admins_only(client: TestClient, messenger: Messenger) -> None:
    submitted(messenger)
    with messenger.transaction() as session:
        others = new_job()
        others.user_id = ANOTHER_USER
        session.add(others)
    response = client.post(f"{URL}/cancel", json={"all": True, "user_id": "all"})
    assert (response.status_code, response.json()["code"]) == (403, "forbidden")
    client.headers.update(bearer(new_key(messenger.engine, Scope.ADMIN)))
    assert cancelled(client, all=True, user_id="all")["cancelled"] == 2


@pytest.mark.broad
def test_many_are_cancelled_in_portions(client: TestClient, messenger: Messenger) -> None:
    count = cancel_many.PORTION * 2 + 50
    with messenger.transaction() as session:
        session.add_all(new_job() for _ in range(count))
    assert cancelled(client, all=True) == {"cancelled": count, "cancelling": 0, "complete": True}
    assert client.get(f"{URL}/stats").json()["totals"]["cancelled"] == count


def test_those_who_cancel_the_same_jobs_at_once_cancel_each_of_them_once(
    client: TestClient, messenger: Messenger
) -> None:
    jobs = [submitted(messenger) for _ in range(60)]
    start = Barrier(8)

    def cancel_one(job_id: int) -> int:
        start.wait()
        return client.post(f"{URL}/{job_id}/cancel").status_code

    def cancel_all() -> int:
        start.wait()
        count: int = cancelled(client, all=True)["cancelled"]
        return count

    with ThreadPoolExecutor(8) as threads:
        some = [threads.submit(cancel_one, job_id) for job_id in (jobs[0], jobs[30], jobs[59], jobs[59])]
        every = [threads.submit(cancel_all) for _ in range(4)]
        assert {one.result() for one in some} == {200}
        assert max(one.result() for one in every) <= 60
    for job_id in jobs:
        assert [event.type for event in events(messenger, job_id)] == [EventType.QUEUED, EventType.CANCELLED]
    assert client.get(f"{URL}/stats").json()["totals"]["cancelled"] == 60


@pytest.mark.broad
def test_fifty_who_cancel_while_it_completes_are_told_what_became_of_it(
    client: TestClient, messenger: Messenger
) -> None:
    outcomes = set()
    for _ in range(6):
        claim = running(messenger)
        start = Barrier(51)

        def cancel(job_id: int = claim.job.id, start: Barrier = start) -> tuple[int, str]:
            start.wait()
            response = client.post(f"{URL}/{job_id}/cancel")
            return response.status_code, response.json().get("code") or response.json()["status"]

        with ThreadPoolExecutor(51) as threads:
            answers = [threads.submit(cancel) for _ in range(50)]
            start.wait()
            try:
                with messenger.transaction() as session:
                    lifecycle.complete(session, claim.lease, [output(claim)])
            except (CancelRequested, AlreadySettled):
                with messenger.transaction() as session:
                    lifecycle.confirm_cancel(session, claim.lease)
            told = {answer.result() for answer in answers}
        ended = job(messenger, claim.job.id).status
        if ended is JobStatus.COMPLETED:
            assert told == {(409, "job_ended")}
        else:
            assert ended is JobStatus.CANCELLED
            assert told <= {(202, "cancelling"), (200, "cancelled")}
        final = [event.type for event in events(messenger, claim.job.id) if event.type.is_final]
        assert final == [EventType(ended)]
        outcomes.add(ended)
    assert outcomes

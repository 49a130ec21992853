"""GET /api/v1/generation-jobs/{id}: the place in the queue, the estimate, the progress, the attempts and the times."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update
from sqlmodel import col
from starlette.testclient import TestClient

from api_service.jobs import queue_estimate
from api_service.jobs.detail import details
from shared.jobs import lifecycle
from shared.jobs.errors import NodeFailed, PromptLost
from shared.messaging.events import Event
from shared.messaging.messenger import Messenger
from shared.models import EventType, GenerationJob, JobStatus, Outcome, User
from tests.jobs import ANOTHER_USER, SERVER, USER, answering, claimed, job, new_job, output, running, silence, submitted

URL = "/api/v1/generation-jobs"


def shown(client: TestClient, job_id: int) -> dict[str, Any]:
    response = client.get(f"{URL}/{job_id}")
    assert response.status_code == 200
    found: dict[str, Any] = response.json()
    return found


def changed(messenger: Messenger, job_id: int, **values: Any) -> None:
    with messenger.transaction() as session:
        session.exec(update(GenerationJob).where(col(GenerationJob.id) == job_id).values(**values))


def completed(messenger: Messenger, workflow_key: str, *took_s: float) -> None:
    """Jobs of a kind that took so long, the last of them ending last."""
    end = datetime.now(UTC) - timedelta(hours=1)
    with messenger.transaction() as session:
        for number, seconds in enumerate(took_s):
            done = new_job(workflow_key=workflow_key)
            done.status, done.completed_at = JobStatus.COMPLETED, end + timedelta(seconds=number)
            done.started_at = done.completed_at - timedelta(seconds=seconds)
            session.add(done)


def test_the_place_in_the_queue_is_the_order_in_which_jobs_are_claimed(
    client: TestClient, messenger: Messenger
) -> None:
    first, second = submitted(messenger), submitted(messenger)
    urgent, later = submitted(messenger, priority=9), submitted(messenger, priority=0)
    waiting = submitted(messenger, run_after=datetime.now(UTC) + timedelta(hours=1))
    places = {job_id: shown(client, job_id)["queue"] for job_id in (first, second, urgent, later, waiting)}
    assert places.pop(waiting) is None, "its time has not come"
    assert [place["position"] for place in places.values()] == [2, 3, 1, 4]
    assert all(place["exact"] for place in places.values())
    answering(messenger, slots=9)
    claims = [claimed(messenger) for _ in range(4)]
    assert [claim.job.id for claim in claims if claim] == sorted(places, key=lambda one: places[one]["position"])
    assert shown(client, first)["queue"] is None, "it runs"


def test_jobs_that_may_not_start_now_have_no_place_and_take_none(client: TestClient, messenger: Messenger) -> None:
    running(messenger)
    limited = submitted(messenger)
    theirs = submitted(messenger, user_id=ANOTHER_USER)
    overdue = submitted(messenger, deadline_at=datetime.now(UTC) + timedelta(hours=1))
    last = submitted(messenger, user_id=ANOTHER_USER)
    changed(messenger, overdue, deadline_at=datetime.now(UTC) - timedelta(seconds=1))
    with messenger.transaction() as session:
        session.get_one(User, USER).running_jobs_limit = 1
    found = {job_id: details(messenger.engine, job_id, None) for job_id in (limited, theirs, overdue, last)}
    assert {job_id: one.place for job_id, one in found.items()} == {
        limited: None,
        theirs: (1, True),
        overdue: None,
        last: (2, True),
    }
    everybody_limited = details(messenger.engine, theirs, None, running_jobs=1)
    assert everybody_limited is not None
    assert everybody_limited.place == (1, True), "none of theirs runs"
    claim = claimed(messenger)
    assert claim is not None
    assert claim.job.id == theirs


def test_a_job_that_was_put_back_counts_once_its_time_comes(client: TestClient, messenger: Messenger) -> None:
    claim = running(messenger)
    job_id = submitted(messenger)
    with messenger.transaction() as session:
        error = PromptLost(SERVER, "p")
        lifecycle.retry(session, claim.lease, error, Outcome.RETRIED, timedelta(hours=1))
    assert shown(client, job_id)["queue"]["position"] == 1
    changed(messenger, claim.job.id, run_after=datetime.now(UTC))
    assert shown(client, job_id)["queue"]["position"] == 2


@pytest.mark.broad
@pytest.mark.parametrize("urgent", [0, 400, 1200])
def test_a_long_queue_is_counted_to_a_thousand(messenger: Messenger, urgent: int) -> None:
    with messenger.transaction() as session:
        session.add_all(new_job(priority=9 if number < urgent else 5) for number in range(1001))
        session.flush()
        last, after_it = new_job(), new_job()
        session.add(last)
        session.flush()
        session.add(after_it)
    first = details(messenger.engine, last.id - 1001 + min(urgent, 1000), USER)
    found = details(messenger.engine, last.id, USER)
    assert first is not None
    assert first.place == (min(urgent, 1000) + 1, True)
    assert found is not None
    assert found.place == (1001 + 1, False)
    assert found.estimate == (None, None)
    assert queue_estimate.COUNTED == 1000


def test_the_estimate_is_the_median_of_the_latest_of_its_kind_for_each_slot(
    client: TestClient, messenger: Messenger
) -> None:
    completed(messenger, "slow", *[1000.0] * 5, *[50.0, 60.0] * 5, *[70.0] * 9, 5.0)
    completed(messenger, "quick", 1.0)
    answering(messenger, "http://gpu-1", "http://gpu-2")
    jobs = [submitted(messenger, workflow_key="slow") for _ in range(6)]
    now = datetime.now(UTC)
    for ahead, job_id in enumerate(jobs):
        estimate = shown(client, job_id)["estimate"]
        starts_at, ends_at = (datetime.fromisoformat(estimate[name]) for name in ("starts_at", "ends_at"))
        # Four slots are free; the median of the last twenty is 60 s.
        waits = timedelta(seconds=max(0, ahead + 1 - 4) * 60 / 4)
        assert abs(starts_at - now - waits) < timedelta(seconds=10)
        assert ends_at - starts_at == timedelta(seconds=60)


def test_nothing_is_estimated_where_nothing_is_known(client: TestClient, messenger: Messenger) -> None:
    nothing = {"starts_at": None, "ends_at": None}
    job_id = submitted(messenger, workflow_key="new")
    answering(messenger)
    assert shown(client, job_id)["estimate"] == nothing, "no job of its kind has been run"
    completed(messenger, "new", 4.0)
    assert shown(client, job_id)["estimate"] != nothing
    changed(messenger, job_id, workflow_key=None)
    assert shown(client, job_id)["estimate"] == nothing, "its kind is not known"


def test_nothing_is_estimated_where_no_server_answers(client: TestClient, messenger: Messenger) -> None:
    completed(messenger, "key", 4.0)
    assert shown(client, submitted(messenger, workflow_key="key"))["estimate"] == {"starts_at": None, "ends_at": None}


def test_a_running_job_has_begun_and_will_end_when_its_kind_does_but_never_before_now(
    client: TestClient, messenger: Messenger
) -> None:
    completed(messenger, "key", 1000.0)
    claim = running(messenger, workflow_key="key")
    found = shown(client, claim.job.id)
    assert found["estimate"]["starts_at"] == found["started_at"]
    started_at, ends_at = (datetime.fromisoformat(found["estimate"][name]) for name in ("starts_at", "ends_at"))
    assert ends_at - started_at == timedelta(seconds=1000)
    changed(messenger, claim.job.id, started_at=started_at - timedelta(hours=1))
    before = datetime.now(UTC)
    assert datetime.fromisoformat(shown(client, claim.job.id)["estimate"]["ends_at"]) >= before


def test_progress_is_what_was_last_told_of_this_attempt(client: TestClient, messenger: Messenger) -> None:
    claim = running(messenger)
    assert shown(client, claim.job.id)["progress"] is None
    data = {"percentage": 40.0, "node_id": "3", "node_type": "KSampler", "step": 8, "steps": 20}
    messenger.publish(Event.live(EventType.PROCESSING, claim.job, at=datetime.now(UTC), tick=1, data=data))
    assert shown(client, claim.job.id)["progress"] == data
    with messenger.transaction() as session:
        lifecycle.retry(session, claim.lease, PromptLost(SERVER, "p"), Outcome.RETRIED, timedelta())
    assert shown(client, claim.job.id)["progress"] is None
    assert claimed(messenger) is not None
    assert shown(client, claim.job.id)["progress"] is None, "the second attempt has told nothing yet"


def test_attempts_say_where_when_and_how_they_ended(client: TestClient, messenger: Messenger) -> None:
    claim = running(messenger)
    with messenger.transaction() as session:
        lifecycle.retry(session, claim.lease, PromptLost(SERVER, "p"), Outcome.RETRIED, timedelta())
    second = claimed(messenger)
    assert second is not None
    going = shown(client, claim.job.id)["attempts"]
    assert [(one["attempt"], one["server"], one["outcome"]) for one in going] == [
        (1, SERVER, "retried"),
        (2, SERVER, None),
    ]
    assert going[0]["error"]["code"] == "prompt_lost"
    assert going[0]["ended_at"] >= going[0]["started_at"]
    assert (going[1]["ended_at"], going[1]["error"], going[1]["adopted"]) == (None, None, False)
    with messenger.transaction() as session:
        lifecycle.fail(session, second.lease, NodeFailed("3", "KSampler", "ValueError", "no"))
    last = shown(client, claim.job.id)["attempts"][-1]
    assert (last["outcome"], last["error"]["details"]["node_id"]) == ("failed", "3")
    assert {one["worker"] for one in (*going, last)} == {"worker-1"}


def test_an_attempt_whose_worker_said_nothing_has_a_reason_too(client: TestClient, messenger: Messenger) -> None:
    claim = running(messenger)
    silence(messenger, claim.job.id)
    second = claimed(messenger, worker="worker-2")
    assert second is not None
    with messenger.transaction() as session:
        lifecycle.release(session, second.lease)
    assert claimed(messenger, worker="worker-3") is not None
    attempts = shown(client, claim.job.id)["attempts"]
    assert [(one["worker"], one["outcome"], one["error"] and one["error"]["code"]) for one in attempts] == [
        ("worker-1", "expired", "worker_silent"),
        ("worker-2", "released", "worker_stopped"),
        ("worker-3", None, None),
    ]
    assert all(one["error"]["message"] for one in attempts[:2])


def test_timings_are_those_of_the_row(client: TestClient, messenger: Messenger) -> None:
    claim = running(messenger)
    nothing = {"queued_ms": None, "running_ms": None, "stored_ms": None}
    assert shown(client, submitted(messenger))["timings"] == nothing
    with messenger.transaction() as session:
        lifecycle.complete(session, claim.lease, [output(claim)], storing=timedelta(milliseconds=1500))
    start = job(messenger, claim.job.id).created_at
    moments = {"started_at": 250, "generated_at": 7250, "completed_at": 7255}
    changed(messenger, claim.job.id, **{name: start + timedelta(milliseconds=after) for name, after in moments.items()})
    assert shown(client, claim.job.id)["timings"] == {"queued_ms": 250, "running_ms": 7000, "stored_ms": 5}


def test_outputs_have_type_size_hash_and_thumbnails(client: TestClient, messenger: Messenger) -> None:
    claim = running(messenger)
    with messenger.transaction() as session:
        lifecycle.complete(session, claim.lease, [output(claim, 0, thumbnails={"150": {"path": "x"}})])
    found = shown(client, claim.job.id)
    (made,) = found["outputs"]
    assert (made["media_type"], made["size_bytes"], made["sha256"]) == ("image/png", 3, "0" * 64)
    (size, small), *none = made["thumbnails"].items()
    assert (size, none) == ("150", [])
    assert small.startswith(f"http://testserver{URL}/{claim.job.id}/thumbnails/0?size=150&expires=")
    assert found["timings"]["stored_ms"] == 0

"""GET /api/v1/generation-jobs/{id}: the place in the queue, the estimate, the progress, the attempts and the times."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update
from sqlmodel import col
from starlette.testclient import TestClient

from api_service.jobs.detail import details
from api_service.jobs.waiting import queue_estimate
from api_service.jobs.waiting.estimate import Estimate
from shared.jobs import lifecycle
from shared.jobs.errors import NodeFailed, PromptLost
from shared.messaging.events import Event
from shared.messaging.messenger import Messenger
from shared.models import EventType, GenerationJob, JobAttempt, Outcome, User
from tests.jobs import (
    ANOTHER_USER,
    SERVER,
    USER,
    answering,
    claimed,
    job,
    new_job,
    of_kind,
    output,
    remember,
    running,
    silence,
    submitted,
)

URL = "/api/v1/generation-jobs"
NOTHING = {
    **dict.fromkeys(("starts_at", "ends_at", "starts_at_p90", "ends_at_p90", "basis")),
    "samples": 0,
}


def shown(client: TestClient, job_id: int) -> dict[str, Any]:
    response = client.get(f"{URL}/{job_id}")
    assert response.status_code == 200
    found: dict[str, Any] = response.json()
    return found


def changed(messenger: Messenger, job_id: int, **values: Any) -> None:
    with messenger.transaction() as session:
        session.exec(update(GenerationJob).where(col(GenerationJob.id) == job_id).values(**values))


def moments(estimate: dict[str, Any]) -> list[datetime]:
    names = ("starts_at", "starts_at_p90", "ends_at", "ends_at_p90")
    return [datetime.fromisoformat(estimate[name]) for name in names]


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
    assert found.estimate == Estimate()
    assert queue_estimate.COUNTED == 1000


def test_a_job_starts_once_those_before_it_have_ended_and_takes_as_long_as_its_kind(
    client: TestClient, messenger: Messenger
) -> None:
    remember(messenger, "slow", *[60.0] * 9)
    answering(messenger, "http://gpu-1", "http://gpu-2")
    jobs = [submitted(messenger, **of_kind("slow")) for _ in range(6)]
    now = datetime.now(UTC)
    for ahead, job_id in enumerate(jobs):
        estimate = shown(client, job_id)["estimate"]
        starts_at, starts_by, ends_at, ends_by = moments(estimate)
        # Four slots are free.
        assert abs(starts_at - now - timedelta(seconds=60 * (ahead // 4))) < timedelta(seconds=10)
        assert ends_at - starts_at == timedelta(seconds=60)
        assert (starts_by, ends_by) == (starts_at, ends_at), "all took as long as each other"
        assert (estimate["basis"], estimate["samples"]) == ("workflow", 9)


def test_short_jobs_before_it_are_soon_over(client: TestClient, messenger: Messenger) -> None:
    remember(messenger, "slow", *[60.0] * 9)
    remember(messenger, "quick", *[3.0] * 9)
    claim = running(messenger, **of_kind("slow"))
    answering(messenger, slots=1)
    for _ in range(2):
        submitted(messenger, **of_kind("quick"))
    now = datetime.now(UTC)
    last = submitted(messenger, **of_kind("slow"))
    starts_at, *_ = moments(shown(client, last)["estimate"])
    assert abs(starts_at - now - timedelta(seconds=60 + 2 * 3)) < timedelta(seconds=10)
    changed(messenger, claim.job.id, started_at=now - timedelta(seconds=40))
    starts_at, *_ = moments(shown(client, last)["estimate"])
    assert abs(starts_at - now - timedelta(seconds=20 + 2 * 3)) < timedelta(seconds=10), "some of it is done"


def test_two_users_who_take_turns_are_each_estimated_by_their_turn(client: TestClient, messenger: Messenger) -> None:
    remember(messenger, "kind", *[10.0] * 9)
    running(messenger, **of_kind("kind"))
    answering(messenger, slots=1)
    theirs = [submitted(messenger, user_id=ANOTHER_USER, **of_kind("kind")) for _ in range(5)]
    mine = [submitted(messenger, **of_kind("kind")) for _ in range(2)]
    found = {job_id: moments(shown(client, job_id)["estimate"])[0] for job_id in mine}
    found |= {job_id: details(messenger.engine, job_id, None).estimate.starts.p50 for job_id in theirs}  # type: ignore[union-attr]
    order = sorted(found, key=lambda job_id: found[job_id])
    assert max(order.index(job_id) for job_id in mine) <= 4, "not behind all of theirs"


def test_some_take_longer_and_the_p90_says_so(client: TestClient, messenger: Messenger) -> None:
    remember(messenger, "kind", *[float(seconds) for seconds in range(1, 20)])
    answering(messenger)
    starts_at, starts_by, ends_at, ends_by = moments(shown(client, submitted(messenger, **of_kind("kind")))["estimate"])
    assert starts_by == starts_at, "a slot is free"
    assert round((ends_at - starts_at).total_seconds()) == 10
    assert round((ends_by - starts_at).total_seconds()) == 18


def test_nothing_is_estimated_where_nothing_is_known(client: TestClient, messenger: Messenger) -> None:
    job_id = submitted(messenger, **of_kind("new"))
    answering(messenger)
    assert shown(client, job_id)["estimate"] == NOTHING, "no job has been run"
    remember(messenger, "new", 4.0)
    assert shown(client, job_id)["estimate"] != NOTHING
    changed(messenger, job_id, shape=None)
    assert shown(client, job_id)["estimate"] == NOTHING, "its kind is not known"


def test_nothing_is_estimated_where_no_server_answers(client: TestClient, messenger: Messenger) -> None:
    remember(messenger, "key", 4.0)
    assert shown(client, submitted(messenger, **of_kind("key")))["estimate"] == NOTHING


def test_a_running_job_has_begun_and_will_end_when_its_kind_does_on_its_server_but_never_before_now(
    client: TestClient, messenger: Messenger
) -> None:
    remember(messenger, "key", *[1000.0] * 3)
    remember(messenger, "key", *[3.0] * 9, server="http://faster")
    claim = running(messenger, **of_kind("key"))
    found = shown(client, claim.job.id)
    starts_at, starts_by, ends_at, ends_by = moments(found["estimate"])
    assert starts_at == starts_by == datetime.fromisoformat(found["started_at"])
    assert ends_at - starts_at == timedelta(seconds=1000)
    assert ends_by > ends_at, "three times do not say what one in ten takes"
    assert (found["estimate"]["basis"], found["estimate"]["samples"]) == ("server", 3)
    with messenger.transaction() as session:
        session.exec(update(JobAttempt).values(started_at=starts_at - timedelta(hours=1)))
    _, _, ends_at, ends_by = moments(shown(client, claim.job.id)["estimate"])
    assert datetime.now(UTC) < ends_at < ends_by


def test_progress_corrects_when_a_running_job_will_end(client: TestClient, messenger: Messenger) -> None:
    remember(messenger, "key", *[100.0] * 9)
    claim = running(messenger, **of_kind("key"))
    began_at, _, usual, _ = moments(shown(client, claim.job.id)["estimate"])

    def at(percentage: float, after_s: float) -> datetime:
        data = {"percentage": percentage, "node_id": "3", "node_type": "KSampler", "step": 8, "steps": 20}
        at = began_at + timedelta(seconds=after_s)
        messenger.publish(Event.live(EventType.PROCESSING, claim.job, at=at, tick=int(percentage), data=data))
        return moments(shown(client, claim.job.id)["estimate"])[2]

    assert at(0, 10) == usual, "nothing is done yet"
    assert at(50, 50) == usual, "it is as quick as the others"
    assert began_at + timedelta(seconds=200) < at(90, 270) < began_at + timedelta(seconds=300)
    assert at(100, 400) >= began_at + timedelta(seconds=400)


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

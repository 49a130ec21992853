"""GET /api/v1/usage: what is shown is what the rows of attempts and jobs say, and it outlives them."""

import csv
import io
import random
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlmodel import col, select, update
from starlette.testclient import TestClient

from shared.jobs import before_start, lifecycle
from shared.jobs.cancel import cancel_one
from shared.jobs.claim.claims import Claim
from shared.jobs.deletion import delete_jobs
from shared.jobs.errors import NodeFailed, PromptLost
from shared.messaging.messenger import Messenger
from shared.models import FINAL, GenerationJob, JobAttempt, JobOutput, Outcome, Scope, UsageNote
from shared.usage.days import add_up
from tests.api_service.conftest import bearer, new_key
from tests.jobs import ANOTHER, ANOTHER_USER, SERVER, USER, answering, claimed, new_job, output, silence, submitted
from tests.sweeps import rest_at_landing

URL = "/api/v1/usage"
PARTS = ("day", "user", "key", "checkpoint", "server")
BROKEN = NodeFailed("3", "KSampler", "ValueError", "no")
TODAY = str(datetime.now(UTC).date())


def live_a_while(messenger: Messenger, chance: random.Random) -> None:
    """Many jobs of two users with several keys and checkpoints, on two servers, which end in every way."""
    answering(messenger, SERVER, ANOTHER, slots=1000)
    for _ in range(40):
        values = {
            "user_id": chance.choice([USER, USER, ANOTHER_USER]),
            "key_id": chance.choice([None, "k1", "k2"]),
            "checkpoint_model": chance.choice(["a", "b"]),
            "deadline_at": datetime.now(UTC) - timedelta(seconds=1) if chance.random() < 0.1 else None,
        }
        with messenger.transaction() as session:
            before_start.submit(session, new_job(**values))
            before_start.expire(session, before_start.overdue(session, 10))
        for _ in range(chance.randrange(4)):
            if claim := claimed(messenger, chance.choice([SERVER, ANOTHER])):
                begin_earlier(messenger, claim, chance)
                go_on(messenger, claim, chance)
        if chance.random() < 0.2:
            add_up(messenger.engine)


def begin_earlier(messenger: Messenger, claim: Claim, chance: random.Random) -> None:
    """As if the attempt had begun that long ago, to a microsecond."""
    began = datetime.now(UTC) - timedelta(microseconds=chance.randrange(1, 10_000_000_000))
    with messenger.transaction() as session:
        this = (col(JobAttempt.job_id) == claim.lease.job_id, col(JobAttempt.attempt) == claim.lease.attempt)
        session.exec(update(JobAttempt).where(*this).values(started_at=began))


def go_on(messenger: Messenger, claim: Claim, chance: random.Random) -> None:
    deed = chance.choice(["complete", "complete", "fail", "retry", "doubt", "release", "lose", "cancel", "drop"])
    if deed in {"complete", "fail"} and chance.random() < 0.5:
        with messenger.transaction() as session:
            lifecycle.generated(session, claim.lease)
    with messenger.transaction() as session:
        match deed:
            case "complete":
                lifecycle.complete(session, claim.lease, [output(claim, size_bytes=chance.randrange(1000))])
            case "fail":
                lifecycle.fail(session, claim.lease, BROKEN)
            case "retry":
                lifecycle.retry(session, claim.lease, PromptLost(SERVER, "p"), Outcome.RETRIED, timedelta())
            case "doubt":
                lifecycle.retry(session, claim.lease, PromptLost(SERVER, "p"), Outcome.IN_DOUBT, timedelta())
            case "release":
                lifecycle.release(session, claim.lease)
            case "cancel":
                cancel_one(session, claim.job.id)
                lifecycle.confirm_cancel(session, claim.lease)
            case "drop":
                lifecycle.retry(session, claim.lease, PromptLost(SERVER, "p"), Outcome.RETRIED, timedelta())
                cancel_one(session, claim.job.id)
    if deed == "lose":
        silence(messenger, claim.job.id)


def added_up(messenger: Messenger, *users: Any) -> dict[tuple[Any, ...], dict[str, float]]:
    """The same from the rows of attempts, jobs and outputs, in microseconds."""
    found: defaultdict[tuple[Any, ...], defaultdict[str, float]] = defaultdict(lambda: defaultdict(int))
    with messenger.transaction() as session:
        jobs = {job.id: job for job in session.exec(select(GenerationJob)) if job.user_id in users}
        for job in jobs.values():
            if job.status in FINAL:
                place = (TODAY, str(job.user_id), job.key_id, job.checkpoint_model, job.server)
                found[place][job.status] += 1
        for one in session.exec(select(JobAttempt).where(col(JobAttempt.outcome).is_not(None))):
            if one.job_id not in jobs:
                continue
            job = jobs[one.job_id]
            assert one.ended_at is not None
            until = min(one.ended_at, job.generated_at or one.ended_at) if one.attempt == job.attempt else one.ended_at
            used = (until - one.started_at) // timedelta(microseconds=1)
            place = (TODAY, str(job.user_id), job.key_id, job.checkpoint_model, one.server)
            found[place]["attempts"] += 1
            found[place]["us"] += used
            found[place]["lost_us"] += used if one.outcome is Outcome.EXPIRED else 0
        for made in session.exec(select(JobOutput)):
            if made.job_id in jobs:
                job = jobs[made.job_id]
                place = (TODAY, str(job.user_id), job.key_id, job.checkpoint_model, job.server)
                found[place]["bytes"] += made.size_bytes
    return {place: {name: value for name, value in counts.items() if value} for place, counts in found.items()}


def shown(client: TestClient, headers: dict[str, str], query: str = "") -> dict[tuple[Any, ...], dict[str, float]]:
    answer = client.get(f"{URL}?group_by={','.join(PARTS)}{query}", headers=headers)
    assert answer.status_code == 200, answer.text
    found = {}
    for item in answer.json()["items"]:
        place = tuple(item.pop(name) for name in ("day", "user_id", "key_id", "checkpoint", "server"))
        item |= {"us": round(item.pop("gpu_seconds") * 1e6), "lost_us": round(item.pop("lost_gpu_seconds") * 1e6)}
        found[place] = {name: value for name, value in item.items() if value}
    return found


@pytest.mark.broad
@pytest.mark.parametrize("seed", rest_at_landing(range(3)))
def test_usage_is_what_the_rows_say_and_outlives_them(client: TestClient, messenger: Messenger, seed: int) -> None:
    live_a_while(messenger, random.Random(seed))
    admin = bearer(new_key(messenger.engine, Scope.ADMIN))
    asked = {"": (client.headers, [USER]), "&user_id=all": (admin, [USER, ANOTHER_USER])}
    expected = {query: added_up(messenger, *users) for query, (_, users) in asked.items()}
    for query, (headers, _) in asked.items():
        assert shown(client, dict(headers), query) == expected[query]
    add_up(messenger.engine)
    with messenger.transaction() as session:
        assert session.exec(select(UsageNote)).first() is None
        delete_jobs(session, session.exec(select(GenerationJob.id)).all())
    for query, (headers, _) in asked.items():
        assert shown(client, dict(headers), query) == expected[query]


def used(messenger: Messenger, **values: Any) -> None:
    """A row of what was used."""
    facts = {"user_id": USER, "day": datetime.now(UTC).date(), "key_id": "", "checkpoint": "", "server": "", **values}
    with messenger.transaction() as session:
        session.add(UsageNote(**facts))


def test_what_is_not_asked_for_is_added_up_and_absent(client: TestClient, messenger: Messenger) -> None:
    used(messenger, server="a", gpu_us=1_500_000, completed=1)
    used(messenger, server="b", gpu_us=500_000, failed=1, lost_us=500_000)
    (whole,) = client.get(URL).json()["items"]
    assert (whole["gpu_seconds"], whole["lost_gpu_seconds"], whole["completed"], whole["failed"]) == (2.0, 0.5, 1, 1)
    assert "server" not in whole
    by_server = client.get(f"{URL}?group_by=server").json()["items"]
    assert [(item["server"], item["gpu_seconds"]) for item in by_server] == [("a", 1.5), ("b", 0.5)]
    assert client.get(f"{URL}?group_by=day&group_by=server").json()["items"][0]["day"] == TODAY


def test_filters_choose_and_an_empty_one_is_for_none(client: TestClient, messenger: Messenger) -> None:
    used(messenger, key_id="k1", checkpoint="x", server="a", completed=1)
    used(messenger, completed=2)
    for query, jobs in (("key_id=k1", 1), ("checkpoint=x&server=a", 1), ("key_id=", 2), ("server=b", 0)):
        assert client.get(f"{URL}?{query}").json()["items"][0]["completed"] == jobs, query


def test_days_outside_the_range_do_not_count(client: TestClient, messenger: Messenger) -> None:
    for day in (1, 2, 3):
        used(messenger, day=datetime(2026, 1, day, tzinfo=UTC).date(), completed=1)
    answer = client.get(f"{URL}?first_day=2026-01-02&last_day=2026-01-03&group_by=day").json()
    assert [item["day"] for item in answer["items"]] == ["2026-01-02", "2026-01-03"]
    assert client.get(f"{URL}?last_day=2026-01-02").json()["first_day"] == "2026-01-01", "of its month"
    assert client.get(f"{URL}?first_day=2020-01-01").json()["last_day"] == "2020-12-31", "366 days at most"


def test_lines_for_a_spreadsheet_hold_no_formula(client: TestClient, messenger: Messenger) -> None:
    used(messenger, checkpoint="=1+1", completed=3)
    answer = client.get(f"{URL}?group_by=checkpoint&format=csv")
    assert answer.headers["content-type"].startswith("text/csv")
    (line,) = csv.DictReader(io.StringIO(answer.text))
    assert (line["checkpoint"], line["completed"]) == ("'=1+1", "3")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("group_by=hour", "group_by[0]"),
        ("first_day=2026-01-02&last_day=2026-01-01", "last_day"),
        ("first_day=2024-01-01&last_day=2026-01-01", "last_day"),
        ("format=xml", "format"),
        ("server=%00", "server"),
    ],
)
def test_what_cannot_be_shown_is_refused_by_its_name(client: TestClient, query: str, field: str) -> None:
    answer = client.get(f"{URL}?{query}")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)


def test_too_many_rows_are_refused_with_what_to_do(client: TestClient, messenger: Messenger) -> None:
    with messenger.transaction() as session:
        session.connection().execute(
            text(
                "INSERT INTO usage_days (user_id, day, key_id, checkpoint, server)"
                " SELECT :user, current_date, '', number::text, '' FROM generate_series(1, 10001) AS number"
            ),
            {"user": USER},
        )
    (error,) = client.get(f"{URL}?group_by=checkpoint&first_day={TODAY}").json()["errors"]
    assert (error["field"], error["code"]) == ("group_by", "too_many_rows")
    assert client.get(f"{URL}?group_by=server").status_code == 200


def test_the_usage_of_others_is_for_admins(client: TestClient, messenger: Messenger) -> None:
    used(messenger, user_id=ANOTHER_USER, completed=1)
    for user in (ANOTHER_USER, "all"):
        assert client.get(f"{URL}?user_id={user}").json()["code"] == "forbidden"
    assert client.get(URL).json()["items"][0]["completed"] == 0


def test_a_job_counts_for_the_key_that_submitted_it(client: TestClient, messenger: Messenger, key: str) -> None:
    made = client.post("/api/v1/generation-jobs/", json={"prompt": "a cat", "checkpoint_model": "sd15"}).json()
    client.post(made["links"]["cancel"])
    (item,) = client.get(f"{URL}?group_by=key").json()["items"]
    assert (item["key_id"], item["cancelled"]) == (key.split("_")[1], 1)


def test_a_sweep_done_twice_counts_nothing_twice(client: TestClient, messenger: Messenger) -> None:
    submitted(messenger)
    with messenger.transaction() as session:
        cancel_one(session, 1)
    assert [add_up(messenger.engine), add_up(messenger.engine)] == [1, 0]
    assert client.get(URL).json()["items"][0]["cancelled"] == 1

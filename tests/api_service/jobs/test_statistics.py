"""GET .../stats: the counts are those of the rows, whatever has happened to the jobs."""

import random
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update
from sqlmodel import Session, col, select
from starlette.testclient import TestClient

from shared.jobs import before_start, lifecycle
from shared.jobs.cancel import cancel_one
from shared.jobs.claim.claims import Claim
from shared.jobs.errors import NodeFailed, PromptLost
from shared.messaging.messenger import Messenger
from shared.models import GenerationJob, JobStatus, Outcome, Scope
from tests.api_service.conftest import bearer, new_key
from tests.jobs import ANOTHER_USER, SERVER, USER, answering, claimed, new_job, output, submitted
from tests.sweeps import rest_at_landing

URL = "/api/v1/generation-jobs/stats"


def accepted(messenger: Messenger, days_ago: int, **values: Any) -> int:
    """A job that was accepted some days ago, of any user."""
    made = new_job()
    for name, value in values.items():
        setattr(made, name, value)
    made.created_at = datetime.now(UTC) - timedelta(days=days_ago)
    with messenger.transaction() as session:
        return before_start.submit(session, made).id


def live_a_while(messenger: Messenger, chance: random.Random) -> None:
    """Many jobs of two users, on several days, each taken some way through its life."""
    answering(messenger, slots=1000)
    for _ in range(60):
        values: dict[str, Any] = {"user_id": chance.choice([USER, USER, ANOTHER_USER])}
        if chance.random() < 0.2:
            values["run_after"] = datetime.now(UTC) + timedelta(hours=1)
        if chance.random() < 0.1:
            values["deadline_at"] = datetime.now(UTC) - timedelta(seconds=1)
        accepted(messenger, chance.randrange(5), **values)
        with messenger.transaction() as session:
            before_start.expire(session, before_start.overdue(session, 10))
        claim = claimed(messenger) if chance.random() < 0.7 else None
        with messenger.transaction() as session:
            if claim:
                end_somehow(session, claim, chance)
            elif chance.random() < 0.3:
                waits = select(GenerationJob.id).where(GenerationJob.status == JobStatus.QUEUED)
                cancel_one(session, chance.choice([0, *session.exec(waits).all()]))


def end_somehow(session: Session, claim: Claim, chance: random.Random) -> None:
    match chance.choice(["complete", "complete", "fail", "retry", "cancel", "confirm", "leave"]):
        case "complete":
            lifecycle.complete(session, claim.lease, [output(claim)])
        case "fail":
            lifecycle.fail(session, claim.lease, NodeFailed("3", "KSampler", "ValueError", "no"))
        case "retry":
            lifecycle.retry(session, claim.lease, PromptLost(SERVER, "p"), Outcome.RETRIED, timedelta())
        case "cancel":
            cancel_one(session, claim.job.id)
        case "confirm":
            cancel_one(session, claim.job.id)
            lifecycle.confirm_cancel(session, claim.lease)


def counted(messenger: Messenger, days: int, *users: Any) -> dict[date, Counter[str]]:
    """A plain count over the rows."""
    since = datetime.now(UTC).date() - timedelta(days=days - 1)
    by_day: dict[date, Counter[str]] = {}
    with messenger.transaction() as session:
        for job in session.exec(select(GenerationJob)):
            if job.user_id in users and job.created_at.date() >= since:
                by_day.setdefault(job.created_at.date(), Counter())[job.status] += 1
    return by_day


@pytest.mark.broad
@pytest.mark.parametrize("seed", rest_at_landing(range(3)))
def test_the_counts_are_those_of_the_rows(client: TestClient, messenger: Messenger, seed: int) -> None:
    live_a_while(messenger, random.Random(seed))
    admin = bearer(new_key(messenger.engine, Scope.ADMIN))
    for query, headers, users in (
        ("", {}, [USER]),
        (f"&user_id={ANOTHER_USER}", admin, [ANOTHER_USER]),
        ("&user_id=all", admin, [USER, ANOTHER_USER]),
    ):
        for days in (1, 3, 30):
            shown = client.get(f"{URL}?days={days}{query}", headers=headers).json()
            expected = counted(messenger, days, *users)
            assert {date.fromisoformat(day["day"]): Counter(day["jobs"]) for day in shown["days"]} == expected
            totals = sum(expected.values(), Counter())
            assert shown["totals"] == {status: totals[status] for status in JobStatus}
            assert shown["completed"]["jobs"] == totals["completed"]


@pytest.mark.broad
def test_durations_are_within_five_per_cent(client: TestClient, messenger: Messenger) -> None:
    answering(messenger, slots=1000)
    for seconds in range(5, 105, 5):
        submitted(messenger)
        claim = claimed(messenger)
        assert claim is not None
        with messenger.transaction() as session:
            # The time of a transaction stands still: it will have been started so long before it is completed.
            started_at = session.exec(select(GenerationJob).where(GenerationJob.id == claim.job.id)).one().started_at
            assert started_at is not None
            earlier = started_at - timedelta(seconds=seconds * 10)
            session.exec(update(GenerationJob).where(col(GenerationJob.id) == claim.job.id).values(started_at=earlier))
            if seconds <= 60:
                lifecycle.complete(session, claim.lease, [output(claim)])
            else:
                lifecycle.fail(session, claim.lease, NodeFailed("3", "KSampler", "ValueError", "no"))
    shown = client.get(URL).json()
    assert shown["completed"] == {
        "jobs": 12,
        "p50_ms": pytest.approx(300_000, rel=0.05),
        "p95_ms": pytest.approx(600_000, rel=0.05),
    }
    assert shown["failed"] == {
        "jobs": 8,
        "p50_ms": pytest.approx(800_000, rel=0.05),
        "p95_ms": pytest.approx(1_000_000, rel=0.05),
    }


def test_a_user_without_jobs_has_nothing_but_zeros(client: TestClient) -> None:
    shown = client.get(URL).json()
    assert shown["totals"] == dict.fromkeys(JobStatus, 0)
    assert shown["days"] == []
    assert shown["completed"] == shown["failed"] == {"jobs": 0, "p50_ms": None, "p95_ms": None}
    assert shown["since"] == str(datetime.now(UTC).date() - timedelta(days=29))


@pytest.mark.parametrize("query", ["days=0", "days=367", "days=x", "user_id=you", "month=1"])
def test_what_cannot_be_counted_is_refused(client: TestClient, query: str) -> None:
    response = client.get(f"{URL}?{query}")
    assert (response.status_code, response.json()["code"]) == (422, "invalid_query")


def test_others_statistics_are_for_admins(client: TestClient) -> None:
    for user in (ANOTHER_USER, "all"):
        assert client.get(f"{URL}?user_id={user}").json()["code"] == "forbidden"
    assert client.get(f"{URL}?user_id={USER}").status_code == 200

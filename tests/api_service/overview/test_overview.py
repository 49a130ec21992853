"""GET /api/v1/overview: who waits, what runs and what ended, counted from the rows."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import update
from sqlmodel import col
from starlette.testclient import TestClient

from shared.jobs import lifecycle
from shared.jobs.errors import NodeFailed
from shared.messaging.messenger import Messenger
from shared.models import GenerationJob, Scope
from tests.api_service.conftest import bearer, new_key
from tests.jobs import ANOTHER_USER, USER, answering, claimed, output, submitted

URL = "/api/v1/overview"


def test_it_says_who_waits_and_for_how_long(client: TestClient, messenger: Messenger) -> None:
    for priority in (5, 5, 9):
        submitted(messenger, priority=priority)
    submitted(messenger, user_id=ANOTHER_USER)
    submitted(messenger, run_after=datetime.now(UTC) + timedelta(hours=1))
    with messenger.transaction() as session:
        session.execute(
            update(GenerationJob)
            .where(col(GenerationJob.priority) == 9)
            .values(run_after=datetime.now(UTC) - timedelta(minutes=5))
        )
    own = client.get(URL).json()
    assert own["waiting"] == {"9": 1, "5": 2}
    assert own["scheduled"] == 1
    assert 299 < own["oldest_wait_s"] < 400
    assert [user["user_id"] for user in own["users"]] == [str(USER)]
    admin = bearer(new_key(messenger.engine, Scope.ADMIN))
    everybodys = client.get(f"{URL}?user_id=all", headers=admin).json()
    assert [(user["user_id"], user["waiting"]) for user in everybodys["users"]] == [
        (str(USER), 3),
        (str(ANOTHER_USER), 1),
    ]


def test_it_counts_what_runs_and_what_ended(client: TestClient, messenger: Messenger) -> None:
    answering(messenger, slots=3)
    for _ in range(3):
        submitted(messenger)
    completes, fails, _runs = [claimed(messenger) for _ in range(3)]
    assert completes
    assert fails
    with messenger.transaction() as session:
        lifecycle.complete(session, completes.lease, [output(completes)])
        lifecycle.fail(session, fails.lease, NodeFailed("3", "KSampler", "ValueError", "no"))
    for period, step in (("hour", 60), ("day", 900)):
        found = client.get(f"{URL}?period={period}").json()
        assert (found["running"], found["waiting"], found["step_s"]) == (1, {}, step)
        assert sum(one["completed"] for one in found["ended"]) == 1
        assert sum(one["failed"] for one in found["ended"]) == 1


def test_only_admins_see_what_others_have(client: TestClient) -> None:
    assert client.get(f"{URL}?user_id=all").json()["code"] == "forbidden"

"""Jobs that are there get their owners; what the older schema cannot hold is said, and what it can hold comes back."""

import pytest

from migrations.upgrade import downgrade, upgrade
from tests.migrations.databases import DISPATCH, execute, fetch, value
from tests.migrations.test_way_back import add_job, add_output

pytestmark = pytest.mark.landing

WORKFLOW = '{"1": {"class_type": "SaveImage", "inputs": {}}}'
COUNTED = """
SELECT user_id, day, status, sum(jobs) AS jobs FROM job_statistics GROUP BY user_id, day, status ORDER BY 1, 2, 3
"""
TO_BE_COUNTED = """
SELECT user_id, created_at::date AS day, status, count(*) AS jobs FROM generation_jobs
WHERE status IN ('completed', 'failed', 'cancelled', 'expired') GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""


def test_each_owner_of_a_job_becomes_a_user(merged: str) -> None:
    users = fetch(merged, "SELECT id, name FROM users ORDER BY id")
    owners = fetch(merged, "SELECT DISTINCT user_id FROM generation_jobs ORDER BY user_id")
    assert [user["id"] for user in users] == [owner["user_id"] for owner in owners]
    assert len(users) > 1
    assert all(user["name"] == f"user-{user['id']}" for user in users)


def test_jobs_that_ended_are_counted_by_owner_day_and_status(merged: str) -> None:
    counted = fetch(merged, COUNTED)
    assert counted == fetch(merged, TO_BE_COUNTED)
    assert len({row["status"] for row in counted}) == 3


def test_what_is_stored_is_summed_up(merged: str) -> None:
    job_id = add_job(merged)
    for number in (0, 1):
        add_output(merged, job_id, number)
    downgrade(merged, DISPATCH)
    upgrade(merged)
    query = "SELECT stored_bytes FROM users JOIN generation_jobs ON user_id = users.id WHERE generation_jobs.id = :id"
    assert value(merged, query, id=job_id) == 2


def test_a_workflow_goes_down_and_comes_back(merged: str) -> None:
    job_id = add_job(merged, workflow=WORKFLOW, job_type="workflow")
    query = "SELECT workflow, legacy FROM generation_jobs WHERE id = :id"
    (before,) = fetch(merged, query, id=job_id)
    downgrade(merged, DISPATCH)
    upgrade(merged)
    assert fetch(merged, query, id=job_id) == [before]


def test_what_expired_goes_down_as_cancelled_with_its_events(merged: str) -> None:
    job_id = add_job(merged, status="expired")
    for sequence, kind in ((1, "pending"), (2, "expired")):
        execute(
            merged,
            "INSERT INTO job_events (job_id, sequence, type, attempt) VALUES (:job_id, :sequence, :kind, 0)",
            job_id=job_id,
            sequence=sequence,
            kind=kind,
        )
    downgrade(merged, DISPATCH)
    assert value(merged, "SELECT status FROM generation_jobs WHERE id = :id", id=job_id) == "cancelled"
    told = fetch(merged, "SELECT type FROM job_events WHERE job_id = :id ORDER BY sequence", id=job_id)
    assert [row["type"] for row in told] == ["queued", "cancelled"]

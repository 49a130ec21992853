"""What follows the jobs of the small run in which nothing is wrong."""

from hashlib import sha256
from typing import Any
from uuid import UUID

from shared.webhooks.signing import message_id
from tests.chaos.follow_ups.left import FollowUps
from tests.chaos.follow_ups.receivers import Received
from tests.chaos.follow_ups.tasks import AskedTask
from tests.chaos.rows import Row

PLAIN, RETRIED, CANCELLED, FAILING, ADOPTED = 1, 2, 3, 4, 5  # the ids of its jobs, and their orders' numbers
ENDS = {PLAIN: "completed", RETRIED: "completed", CANCELLED: "cancelled", FAILING: "failed", ADOPTED: "completed"}
OF_JOBS, OF_ALL = "of-jobs", "of-all"
NEWS = UUID(int=100)
EXPORTED = "task-1"
ARCHIVE_PATH = "u/tasks/task-1/archive.zip"
ARCHIVE = {"path": ARCHIVE_PATH, "size_bytes": 20, "sha256": "ef"}


def followed() -> FollowUps:
    """All ends are told, the second job's also to its own webhook; one is refused first, one is taken twice."""
    deliveries = [delivery(job_id, OF_ALL) for job_id in ENDS] + [delivery(RETRIED, OF_JOBS)]
    taken = [Received(message_id(row["id"]), sha256(row["body"].encode()).hexdigest(), 204) for row in deliveries]
    return FollowUps(
        deliveries=deliveries,
        notifications=[{"id": job_id, "job_id": job_id, "mail_owed": False} for job_id in ENDS if job_id != CANCELLED],
        mails=[{"id": NEWS, "state": "sent", "tries": 2}],
        tasks=[task("task-0", "retry_jobs", {"changed": 0}), task(EXPORTED, "export", {"jobs": 2}, file=ARCHIVE)],
        of_jobs=OF_JOBS,
        received=[taken[0]._replace(status=503), *taken, taken[1]],
        mailed=[f"<{NEWS.hex}@example.com>"] * 2,
        asked=[AskedTask(key, kind, [key]) for key, kind in (("task-0", "retry_jobs"), (EXPORTED, "export"))],
        archives={EXPORTED: ["u/1", "u/2"]},
    )


def delivery(job_id: int, endpoint_id: str) -> Row:
    return {
        "id": UUID(int=job_id + (10 if endpoint_id == OF_JOBS else 0)),
        "endpoint_id": endpoint_id,
        "job_id": job_id,
        "type": f"job.{ENDS[job_id]}",
        "body": f"{job_id} at {endpoint_id}",
        "state": "delivered",
        "tries": 1,
    }


def task(key: str, kind: str, result: Row, **values: Any) -> Row:
    return {
        "id": key,
        "user_id": "u",
        "idempotency_key": key,
        "kind": kind,
        "state": "completed",
        "done": 5,
        "total": 5,
        "result": result,
        "request_id": f"of {key}",
        "error_code": None,
        "error_message": None,
        "file": None,
        **values,
    }

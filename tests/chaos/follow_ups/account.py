"""What follows a job is neither lost nor invented: deliveries and e-mails arrive, and each task is done once."""

import hashlib
from collections import Counter
from collections.abc import Iterator

from shared.models import FINAL, DeliveryState, JobStatus, MailState, TaskKind, TaskState
from shared.webhooks.signing import message_id
from tests.chaos.evidence import Evidence

OF_JOBS = "job."
TOLD = {JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.EXPIRED}
OWN_WEBHOOK = "webhook"  # in the request of a job


def every_end_is_owed_once(evidence: Evidence) -> Iterator[str]:
    """A delivery to the endpoint that wants all, one to the URL that the job named, and a notification."""
    left = evidence.follow_ups
    own = {each.ordered.number for each in evidence.submissions if OWN_WEBHOOK in each.ordered.body}
    owed = Counter((str(row["endpoint_id"]) == left.of_jobs, row["job_id"], row["type"]) for row in left.deliveries)
    told = Counter(row["job_id"] for row in left.notifications if row["job_id"] is not None)
    for job in evidence.jobs:
        if job["status"] not in FINAL:
            continue
        event = f"{OF_JOBS}{job['status']}"
        by_itself = int(evidence.numbers.get(job["id"]) in own)
        for is_own, wanted in ((False, 1), (True, by_itself)):
            if (found := owed.pop((is_own, job["id"], event), 0)) != wanted:
                yield f"job {job['id']} is {job['status']}: {found} deliveries, and not {wanted} (its own: {is_own})"
        if (found := told.pop(job["id"], 0)) != int(job["status"] in TOLD):
            yield f"job {job['id']} is {job['status']}, and its owner was notified {found} times"
    for _, job_id, event in owed:
        yield f"job {job_id}: a delivery of {event}, which is not its end"
    for job_id in told:
        yield f"job {job_id}: a notification of an end that was none"


def every_delivery_arrives(evidence: Evidence) -> Iterator[str]:
    """At least once, taken, under the same id and with the same body each time."""
    left = evidence.follow_ups
    bodies = {message_id(row["id"]): hashlib.sha256(row["body"].encode()).hexdigest() for row in left.deliveries}
    taken = {one.id for one in left.received if 200 <= one.status < 300}
    for row in left.deliveries:
        if row["state"] != DeliveryState.DELIVERED:
            yield f"delivery {row['id']} is {row['state']} after {row['tries']} tries"
        elif message_id(row["id"]) not in taken:
            yield f"delivery {row['id']} is delivered, and its receiver took none"
    for one in left.received:
        if bodies.get(one.id) != one.sha256:
            yield f"{one.id} was received with a body that nobody owed"


def every_mail_arrives(evidence: Evidence) -> Iterator[str]:
    left = evidence.follow_ups
    taken = {mailed.strip("<>").partition("@")[0] for mailed in left.mailed}
    for row in left.mails:
        if row["state"] != MailState.SENT:
            yield f"e-mail {row['id']} is {row['state']} after {row['tries']} tries"
        elif row["id"].hex not in taken:
            yield f"e-mail {row['id']} is sent, and the mail server has none"
    for unknown in sorted(taken - {row["id"].hex for row in left.mails}):
        yield f"an e-mail {unknown} came of no row"
    for row in left.notifications:
        if row["mail_owed"]:
            yield f"notification {row['id']} is still to be mailed"


def every_task_is_done_once(evidence: Evidence) -> Iterator[str]:
    """Each that was asked for has one row, is done to its end, and left what it says."""
    left = evidence.follow_ups
    by_key = {row["idempotency_key"]: row for row in left.tasks}
    for asked in left.asked:
        row = by_key.get(asked.key)
        if asked.refused or row is None or {str(row["id"])} != set(asked.accepted):
            yield f"{asked.key} ({asked.kind}): refused {asked.refused}, accepted as {asked.accepted}"
    if len(left.tasks) != len(left.asked):
        yield f"{len(left.asked)} tasks were asked for, and {len(left.tasks)} are there"
    for row in left.tasks:
        # Of jobs that are chosen by their status there may be more by the time that it gets to them.
        if row["state"] != TaskState.COMPLETED or row["done"] < row["total"]:
            error = f"{row['error_code']}, {row['error_message']}"
            yield f"task {row['id']} ({row['kind']}) is {row['state']}, {row['done']} of {row['total']}: {error}"
        elif row["kind"] == TaskKind.RETRY_JOBS:
            yield from retried_twice(evidence, row)
        elif row["file"] is not None:
            yield from wrong_file(evidence, row)


def retried_twice(evidence: Evidence, task: dict[str, object]) -> Iterator[str]:
    """Each job that it retried has one new job of this task, and there are as many as it says."""
    made = Counter(job["parent_id"] for job in evidence.jobs if job["request_id"] == task["request_id"])
    for parent_id, count in made.items():
        if count != 1 or parent_id is None:
            yield f"task {task['id']}: job {parent_id} was retried {count} times"
    result = task["result"]
    assert isinstance(result, dict)
    if made.total() != result["changed"]:
        yield f"task {task['id']} made {made.total()} jobs, and says {result['changed']}"


def wrong_file(evidence: Evidence, task: dict[str, object]) -> Iterator[str]:
    file, result = task["file"], task["result"]
    assert isinstance(file, dict)
    assert isinstance(result, dict)
    stored = evidence.files.get(file["path"])
    if stored is None or tuple(stored) != (file["size_bytes"], file["sha256"]):
        yield f"task {task['id']}: {file['path']} is {stored}, and its row says otherwise"
    if task["kind"] == TaskKind.EXPORT:
        found = Counter(evidence.follow_ups.archives[str(task["id"])])
        if found.total() != result["jobs"] or any(count > 1 for count in found.values()):
            yield f"task {task['id']}: its archive has {found.total()} jobs, {len(found)} of them different"

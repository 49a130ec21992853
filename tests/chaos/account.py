"""The account of a run: what must be true of all that it left behind. Pure: evidence in, violations out."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from shared.models import FINAL, JobStatus
from tests.chaos.attempts_account import attempts_agree, events_form_a_legal_path
from tests.chaos.evidence import Evidence
from tests.chaos.executions_account import (
    every_execution_is_accounted_for,
    nothing_is_left_on_a_server,
    nothing_runs_after_its_end,
)
from tests.chaos.files_account import every_file_has_a_row, every_output_has_its_file
from tests.chaos.follow_ups.account import (
    every_delivery_arrives,
    every_end_is_owed_once,
    every_mail_arrives,
    every_task_is_done_once,
)
from tests.chaos.jobs import Submission
from tests.chaos.rows import Row
from tests.chaos.watchers_account import every_watcher_heard_the_end, no_stream_has_a_gap

GIVEN_UP = {
    "comfyui_unreachable",
    "prompt_lost",
    "interrupted",
    "storage_unavailable",
}
GIVEN_UP_TWICE = {"output_corrupt", "output_missing"}  # one retry: another fault met the job again
MOST_DEATHS = 3


class Violation(NamedTuple):
    """Something that must not be: which rule, and what was found."""

    rule: str
    found: str


def account(evidence: Evidence) -> list[Violation]:
    """Every rule, held against the evidence."""
    return [Violation(rule, found) for rule, check in RULES.items() for found in check(evidence)]


def every_accepted_job_is_there(evidence: Evidence) -> Iterator[str]:
    """A job whose answer was lost counts as accepted if there is a row of it: it must end like any other."""
    by_number = rows_by_number(evidence)
    for submission in evidence.submissions:
        number = submission.ordered.number
        ids = [row["id"] for row in by_number[number]]
        if submission.refused and not submission.may_be_refused:
            yield f"order {number} was refused: {submission.refused[0]}"
        if missing := set(submission.accepted) - set(ids):
            yield f"order {number} was accepted as {sorted(missing)}, and there is no such row"
        if not ids and not submission.refused:
            yield f"order {number} was never accepted, for as long as its client tried"
        # A key makes the same request the same job.
        most = 1 if any(row["idempotency_key"] for row in by_number[number]) else 1 + submission.unknown
        if len(ids) > most:
            yield f"order {number} has {len(ids)} rows {ids}, and {submission.unknown} answers were lost"
    for row in evidence.jobs:
        if row["id"] not in evidence.numbers:
            yield f"job {row['id']} was ordered by nobody"


def every_job_has_ended(evidence: Evidence) -> Iterator[str]:
    for row in evidence.jobs:
        if row["status"] not in FINAL:
            yield f"job {row['id']} is {row['status']} after attempt {row['attempt']}"
        elif row["completed_at"] is None or row["lease_expires_at"] is not None:
            yield f"job {row['id']} is {row['status']}, and its row does not look like an end"


def every_end_has_its_reason(evidence: Evidence) -> Iterator[str]:
    """As its kind says, or cancelled by its client, or given up after all attempts, or as poison."""
    submissions = {submission.ordered.number: submission for submission in evidence.submissions}
    workers = Counter(row["job_id"] for row in evidence.attempts if row["outcome"] == "expired")
    servers = Counter(row["job_id"] for row in evidence.attempts if was_lost_with_its_server(row))
    for row in evidence.jobs:
        submission = submissions.get(evidence.numbers.get(row["id"], -1))
        if submission is not None and row["status"] in FINAL:
            deaths = max(workers[row["id"]], servers[row["id"]])
            yield from reason(row, submission, deaths, evidence.max_attempts)


def was_lost_with_its_server(attempt: Row) -> bool:
    details = attempt["error_details"] or {}
    return attempt["error_code"] == "prompt_lost" and details.get("was_running") is True


def reason(row: Row, submission: Submission, deaths: int, max_attempts: int) -> Iterator[str]:
    kind, code = submission.ordered.content or submission.ordered.kind, row["error_code"]
    this = f"job {row['id']} ({kind})"
    asked = submission.cancel is not None and row["id"] == submission.accepted[0]
    if asked and submission.cancel in {200, 202} and row["status"] != JobStatus.CANCELLED:
        yield f"{this}: its cancel was answered {submission.cancel}, and it is {row['status']}"
    match row["status"]:
        case JobStatus.CANCELLED if not asked:
            yield f"{this} is cancelled, and nobody asked for it"
        case JobStatus.FAILED if code in submission.ordered.fails_with:
            pass
        case JobStatus.FAILED if code == "poison" and deaths >= MOST_DEATHS:
            pass
        case JobStatus.FAILED if code in GIVEN_UP and row["retries"] + 1 >= max_attempts:
            pass
        case JobStatus.FAILED if code in GIVEN_UP_TWICE and row["retries"] >= 1:
            pass
        case JobStatus.FAILED:
            yield f"{this} failed after {row['retries']} retries: {code}, {row['error_message']}"
        case JobStatus.COMPLETED if submission.ordered.fails_with:
            yield f"{this} is completed"
        case JobStatus.EXPIRED:
            yield f"{this} expired, and it had no deadline"


def slots_are_never_exceeded(evidence: Evidence) -> Iterator[str]:
    for sample in evidence.samples:
        if sample.given > evidence.slots:
            yield f"{sample.server} was given {sample.given} jobs at {sample.at:.1f}, and has {evidence.slots} slots"


def statistics_agree_with_the_rows(evidence: Evidence) -> Iterator[str]:
    def key(row: Row) -> tuple[str, str, str]:
        return str(row["user_id"]), str(datetime.fromtimestamp(row["created_at"], UTC).date()), row["status"]

    ended = Counter(key(row) for row in evidence.jobs if row["status"] in FINAL)
    counted: Counter[tuple[str, str, str]] = Counter()
    for row in evidence.statistics:
        counted[str(row["user_id"]), str(row["day"]), row["status"]] += row["jobs"]
    for each in sorted(ended.keys() | counted.keys()):
        if ended[each] != counted[each]:
            yield f"{each}: {ended[each]} rows, {counted[each]} counted"


def stored_bytes_agree_with_the_rows(evidence: Evidence) -> Iterator[str]:
    owners = {row["id"]: row["user_id"] for row in evidence.jobs}
    stored: Counter[object] = Counter()
    for row in evidence.outputs:
        stored[owners.get(row["job_id"])] += row["size_bytes"]
    for user in evidence.users:
        if stored[user["id"]] != user["stored_bytes"]:
            yield f"user {user['name']}: {stored[user['id']]} bytes in rows, {user['stored_bytes']} counted"


def rows_by_number(evidence: Evidence) -> Mapping[int, Sequence[Row]]:
    """Those that clients submitted: not those that a task retried."""
    found: dict[int, list[Row]] = defaultdict(list)
    for row in evidence.jobs:
        if row["parent_id"] is None and (number := evidence.numbers.get(row["id"])) is not None:
            found[number].append(row)
    return found


RULES: dict[str, Callable[[Evidence], Iterator[str]]] = {
    "every accepted job is there": every_accepted_job_is_there,
    "every job has ended": every_job_has_ended,
    "every end has its reason": every_end_has_its_reason,
    "events form a legal path": events_form_a_legal_path,
    "attempts agree with their job": attempts_agree,
    "every output has its file": every_output_has_its_file,
    "every file has a row": every_file_has_a_row,
    "every execution is accounted for": every_execution_is_accounted_for,
    "nothing runs after its end": nothing_runs_after_its_end,
    "nothing is left on a server": nothing_is_left_on_a_server,
    "every watcher heard the end": every_watcher_heard_the_end,
    "no stream has a gap": no_stream_has_a_gap,
    "slots are never exceeded": slots_are_never_exceeded,
    "statistics agree with the rows": statistics_agree_with_the_rows,
    "stored bytes agree with the rows": stored_bytes_agree_with_the_rows,
    "every end is owed once": every_end_is_owed_once,
    "every delivery arrives": every_delivery_arrives,
    "every e-mail arrives": every_mail_arrives,
    "every task is done once": every_task_is_done_once,
}

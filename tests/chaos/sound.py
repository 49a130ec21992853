"""The evidence of a small run in which nothing is wrong, to be doctored by tests of the account."""

from dataclasses import replace
from typing import Any

from tests.chaos.evidence import Entry, Evidence, Stored
from tests.chaos.follow_ups.sound import ADOPTED, ARCHIVE_PATH, CANCELLED, FAILING, PLAIN, RETRIED, followed
from tests.chaos.jobs import JobKind, Ordered, Submission
from tests.chaos.monitor import Sample
from tests.chaos.rows import Row
from tests.chaos.schedule import Struck
from tests.chaos.strike import Strike
from tests.chaos.watchers import Watched

ONE, OTHER = "http://one", "http://other"
DAY = "1970-01-01"


def sound() -> Evidence:
    """Five jobs: plain, run again because its server was killed, cancelled while it ran, failing, and adopted."""
    return Evidence(
        slots=2,
        max_attempts=5,
        submissions=[
            submission(PLAIN),
            submission(RETRIED, webhook="http://here"),
            submission(CANCELLED, JobKind.CANCEL_RUNNING, cancel=202),
            submission(FAILING, JobKind.FAILING),
            submission(ADOPTED),
        ],
        jobs=[
            job(PLAIN, "completed", attempt=1, events=3, prompt="p1"),
            job(RETRIED, "completed", attempt=2, events=5, prompt="p2b", retries=1),
            job(CANCELLED, "cancelled", attempt=1, events=4, prompt="p3"),
            job(FAILING, "failed", attempt=1, events=3, prompt="p4", error_code="node_failed"),
            job(ADOPTED, "completed", attempt=2, events=4, prompt="p5"),
        ],
        events=[
            *told(PLAIN, "queued 0", "started 1", "completed 1"),
            *told(RETRIED, "queued 0", "started 1", "queued 1", "started 2", "completed 2"),
            *told(CANCELLED, "queued 0", "started 1", "cancelling 1", "cancelled 1"),
            *told(FAILING, "queued 0", "started 1", "failed 1"),
            # Pending while Redis was away, of which no event tells; then its worker was killed.
            *told(ADOPTED, "queued 0", "queued 0", "started 1", "completed 2"),
        ],
        attempts=[
            attempt(PLAIN, 1, "completed", "p1", ONE),
            attempt(RETRIED, 1, "retried", "p2a", ONE, error_code="prompt_lost"),
            attempt(RETRIED, 2, "completed", "p2b", OTHER),
            attempt(CANCELLED, 1, "cancelled", "p3", OTHER),
            attempt(FAILING, 1, "failed", "p4", ONE),
            attempt(ADOPTED, 1, "expired", "p5", ONE),
            attempt(ADOPTED, 2, "completed", "p5", ONE, adopted=True),
        ],
        outputs=[output(PLAIN, 1), output(RETRIED, 2), output(ADOPTED, 2)],
        statistics=[
            {"user_id": "u", "day": DAY, "status": "completed", "bucket": 3, "jobs": 2},
            {"user_id": "u", "day": DAY, "status": "completed", "bucket": 4, "jobs": 1},
            {"user_id": "u", "day": DAY, "status": "cancelled", "bucket": 3, "jobs": 1},
            {"user_id": "u", "day": DAY, "status": "failed", "bucket": 3, "jobs": 1},
        ],
        users=[{"id": "u", "name": "local", "stored_bytes": 30}],
        discarded=["u/5/1"],
        files={
            **{f"u/{number}/{attempt}/0.png": Stored(10, "ab") for number, attempt in ((1, 1), (2, 2), (5, 2))},
            **{f"u/{number}/{attempt}/0-150.webp": Stored(3, "cd") for number, attempt in ((1, 1), (2, 2), (5, 2))},
            "u/5/1/0.png": Stored(10, "ab"),
            ARCHIVE_PATH: Stored(20, "ef"),
        },
        journal=[
            *ran("p1", ONE, 10.0, 11.0),
            *ran("p2a", ONE, 20.0),
            *ran("p2b", OTHER, 28.0, 29.0),
            *ran("p3", OTHER, 30.0, 39.0, "interrupted"),
            *ran("p4", ONE, 40.0, 41.0, "error"),
            *ran("p5", ONE, 50.0, 51.0),
        ],
        left={ONE: [], OTHER: []},
        samples=[Sample(10.0, ONE, 2, 2), Sample(20.0, ONE, 3, 2)],
        watched=[
            Watched(PLAIN, [[("snapshot", 1), ("started", 2), ("completed", 3)]], "completed"),
            Watched(RETRIED, [[("snapshot", 1), ("started", 2)], [], [("snapshot", 4), ("completed", 5)]], "completed"),
        ],
        struck=[struck("comfyui-kill", "comfyui-1", 22.0)],
        servers={"comfyui-1": ONE, "comfyui-2": OTHER},
        numbers={number: number for number in (PLAIN, RETRIED, CANCELLED, FAILING, ADOPTED)},
        follow_ups=followed(),
    )


def submission(number: int, kind: JobKind = JobKind.SINGLE, webhook: str | None = None, **values: Any) -> Submission:
    own = {"webhook": {"url": webhook}} if webhook else {}
    order = Ordered(number, kind, 0.0, {"prompt": f"chaos 1-{number}: {kind}", **own})
    return Submission(order, **{"accepted": [number], "accepted_at": [0.0], **values})


def job(number: int, status: str, *, prompt: str, **values: Any) -> Row:
    return {
        "id": number,
        "user_id": "u",
        "status": status,
        "comfyui_prompt_id": prompt,
        "retries": 0,
        "error_code": None,
        "error_message": None,
        "idempotency_key": None,
        "parent_id": None,
        "request_id": None,
        "lease_expires_at": None,
        "created_at": 1.0,
        "completed_at": number * 10 + 9.5,
        **values,
    }


def told(number: int, *events: str) -> list[Row]:
    """Events as `type attempt`."""
    parted = (event.split() for event in events)
    return [
        {
            "job_id": number,
            "sequence": place,
            "type": kind,
            "attempt": int(attempt),
            "created_at": number * 10.0 + place,
        }
        for place, (kind, attempt) in enumerate(parted, start=1)
    ]


def attempt(number: int, count: int, outcome: str, prompt: str, server: str, **values: Any) -> Row:
    return {
        "job_id": number,
        "attempt": count,
        "outcome": outcome,
        "comfyui_prompt_id": prompt,
        "server": server,
        "worker_id": f"host:{count}:ab",
        "adopted": False,
        "error_code": None,
        "error_details": None,
        "started_at": number * 10.0 + count,
        "ended_at": number * 10.0 + count + 5,
        **values,
    }


def output(number: int, attempt: int) -> Row:
    folder = f"u/{number}/{attempt}"
    small = {"path": f"{folder}/0-150.webp", "width": 1, "height": 1, "size_bytes": 3}
    facts = {"path": f"{folder}/0.png", "size_bytes": 10, "sha256": "ab", "thumbnails": {"150": small}}
    return {"job_id": number, "number": 0, **facts}


def ran(prompt_id: str, server: str, start: float, end: float | None = None, outcome: str = "success") -> list[Entry]:
    lines = [Entry(start, server, "accepted", prompt_id), Entry(start + 0.1, server, "started", prompt_id)]
    return lines if end is None else [*lines, Entry(end, server, "finished", prompt_id, outcome)]


def struck(kind: str, target: str, at: float) -> Struck:
    return Struck(Strike(at, kind, target, 5.0), at, at + 5.0)


def followed_by(**values: Any) -> Evidence:
    """The same run with other things that followed it."""
    return replace(sound(), follow_ups=replace(followed(), **values))


def with_one(rows: str, wanted: Any, **values: Any) -> Evidence:
    """The same run with other values in the row with this id of what followed it."""
    there = getattr(followed(), rows)
    assert [row["id"] for row in there].count(wanted) == 1, "the row that is to be doctored"
    return followed_by(**{rows: [row | values if row["id"] == wanted else row for row in there]})


def doctored(rows: str, wanted: int | tuple[int, int], **values: Any) -> Evidence:
    """The same run with other values in one row: of a job by its id, of an attempt or event by job and number."""
    evidence = sound()

    def key(row: Row) -> Any:
        match rows:
            case "jobs":
                return row["id"]
            case "attempts":
                return row["job_id"], row["attempt"]
            case "events":
                return row["job_id"], row["sequence"]
            case _:
                return row["job_id"]

    found = [row for row in getattr(evidence, rows) if key(row) == wanted]
    assert len(found) == 1, "the row that is to be doctored"
    changed = [row | values if row is found[0] else row for row in getattr(evidence, rows)]
    return changing(evidence, rows, changed)


def changing(evidence: Evidence, name: str, value: Any) -> Evidence:
    """The same run with one of its collections replaced."""
    values: dict[str, Any] = {name: value}
    return replace(evidence, **values)

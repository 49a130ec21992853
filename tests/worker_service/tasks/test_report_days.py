"""The days of a report are those of a time zone, and what of them cannot be counted any more it says."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlmodel import select

from shared.jobs import lifecycle
from shared.jobs.deletion import delete_jobs
from shared.messaging.messenger import Messenger
from shared.models import GenerationJob, TaskKind
from tests.jobs import ANOTHER_USER, USER, output, running, submitted
from tests.tasks import asked, done
from tests.worker_service.tasks.reports import FIRST, RANGE, accepted, completed, lines_of, reported
from worker_service.cleanup.shedding import shed_attempts, shed_outputs

IMPORT_ONE = text("""
INSERT INTO imported_jobs (user_id, source, job_id) SELECT user_id, 'x/1', max(id) FROM generation_jobs GROUP BY 1
""")


def each_half_hour(messenger: Messenger, since: datetime, hours: int) -> None:
    """A job that was cancelled, for each half hour from that moment on."""
    with messenger.engine.begin() as connection:
        connection.execute(HALF_HOURS, {"user": USER, "since": since, "number": 2 * hours})


HALF_HOURS = text("""
INSERT INTO generation_jobs (user_id, job_type, status, prompt, width, height, batch_size, events, created_at)
SELECT :user, 'image', 'cancelled', 'a cat', 64, 64, 1, 1,
    CAST(:since AS timestamptz) + (number - 1) * interval '30 minutes' FROM generate_series(1, :number) AS number
""")


@pytest.mark.parametrize(
    ("zone", "first", "lengths"),
    [
        ("UTC", "2027-03-27", [48, 48, 48]),
        ("Europe/Berlin", "2027-03-27", [48, 46, 48]),
        ("Europe/Berlin", "2027-10-30", [48, 50, 48]),
        ("Australia/Lord_Howe", "2027-10-02", [48, 47, 48]),  # by half an hour
        ("Asia/Kolkata", "2027-10-30", [48, 48, 48]),
        ("Asia/Beirut", "2022-03-26", [48, 46, 48]),  # at midnight, which the clock left out
        ("America/Havana", "2022-11-05", [48, 50, 48]),  # midnight was shown twice
        ("Pacific/Apia", "2011-12-29", [48, 0, 48]),  # a day that there was not
    ],
)
def test_a_day_is_as_long_as_the_clock_of_its_zone_makes_it(
    messenger: Messenger, tmp_path: Path, zone: str, first: str, lengths: list[int]
) -> None:
    first_day = datetime.fromisoformat(first).replace(tzinfo=UTC)
    each_half_hour(messenger, first_day - timedelta(days=2), 24 * 7)
    days = [f"{first_day + timedelta(days=number):%Y-%m-%d}" for number in range(3)]
    of = {"first_day": days[0], "last_day": days[-1], "time_zone": zone}
    made, content = reported(messenger, tmp_path, of=of)
    counted = {line["day"]: int(line["jobs"]) for line in lines_of(content)}
    assert [counted.get(day, 0) for day in days] == lengths
    assert {line["time_zone"] for line in lines_of(content)} == {zone}
    assert made.result["time_zone"] == zone


def test_a_page_says_whose_days_they_are(messenger: Messenger, tmp_path: Path) -> None:
    made, content = reported(messenger, tmp_path, "html", of={**RANGE, "time_zone": "America/New_York"})
    assert "(America/New_York)</h1>" in content
    assert "those of the time zone America/New_York" in content
    assert made.file
    assert made.file["filename"] == "report-2026-01-01-2026-01-03-America-New_York.html"
    assert "deleted since" not in content


def test_deleted_jobs_are_missed_by_the_day_and_the_user(messenger: Messenger, tmp_path: Path) -> None:
    for day, user in ((0, USER), (0, USER), (0, ANOTHER_USER), (1, USER)):
        accepted_and_completed(messenger, day, user)
    kept = [(0, USER), (2, USER)]
    for day, user in kept:
        accepted_and_completed(messenger, day, user, pinned=True)
    with messenger.transaction() as session:
        ids = list(session.exec(select(GenerationJob.id)))
        assert len(delete_jobs(session, ids).jobs) == 4
    made, content = reported(messenger, tmp_path, owner=None)
    names = {name: lines for name, lines in by_user(content).items() if lines}
    assert sorted(names.values()) == sorted(
        [
            [("2026-01-01", "0", "2"), ("2026-01-01", "1", "0"), ("2026-01-02", "0", "1"), ("2026-01-03", "1", "0")],
            [("2026-01-01", "0", "1")],
        ]
    )
    assert (made.result["jobs"], made.result["deleted"], made.result["incomplete"]) == (2, 4, 0)
    _, page = reported(messenger, tmp_path, "html", owner=None)
    assert "4 jobs that were accepted on these days (UTC) have been deleted since" in page


def accepted_and_completed(messenger: Messenger, day: int, user: UUID, **values: Any) -> None:
    """As it is where a job was accepted then: its end counts for that day."""
    claim = running(messenger, user_id=user, **values)
    accepted(messenger, claim.job.id, day)
    with messenger.transaction() as session:
        lifecycle.complete(session, claim.lease, [output(claim, 0, size_bytes=7)])


def by_user(content: str) -> dict[str, list[tuple[str, str, str]]]:
    found: dict[str, list[tuple[str, str, str]]] = {}
    for line in lines_of(content):
        found.setdefault(line["user"], []).append((line["day"], line["jobs"], line["deleted"]))
    return {user: sorted(lines) for user, lines in found.items()}


def test_jobs_that_live_or_were_imported_are_not_missed(messenger: Messenger, tmp_path: Path) -> None:
    accepted_and_completed(messenger, 0, USER)
    accepted(messenger, submitted(messenger), 0)
    with messenger.engine.begin() as connection:
        connection.execute(HALF_HOURS, {"user": USER, "since": FIRST, "number": 1})
        connection.execute(IMPORT_ONE)
    made, _ = reported(messenger, tmp_path)
    assert (made.result["jobs"], made.result["deleted"]) == (3, 0)
    with messenger.transaction() as session:
        delete_jobs(session, list(session.exec(select(GenerationJob.id))))
    made, _ = reported(messenger, tmp_path)
    assert (made.result["jobs"], made.result["deleted"]) == (1, 1), "the imported one was no job of these days"


def test_jobs_whose_attempts_or_outputs_are_gone_are_told_of(messenger: Messenger, tmp_path: Path) -> None:
    completed(messenger, 0)
    ids = []
    for _ in range(3):
        claim = running(messenger)
        with messenger.transaction() as session:
            lifecycle.complete(session, claim.lease, [output(claim, 0, size_bytes=7)])
        accepted(messenger, claim.job.id, 0)
        ids.append(claim.job.id)
    with messenger.transaction() as session:
        shed_attempts(session, ids[:2])
        shed_outputs(session, ids[1:])
    made, content = reported(messenger, tmp_path, "html")
    assert (made.result["jobs"], made.result["incomplete"], made.result["bytes"]) == (4, 3, 11 + 7)
    assert "Of 3 jobs that are counted, attempts or outputs are not here" in content


def test_a_report_that_another_release_has_begun_begins_again(messenger: Messenger, tmp_path: Path) -> None:
    completed(messenger, 0)
    task_id = asked(messenger, TaskKind.REPORT, parameters={**RANGE, "format": "csv"})
    with messenger.engine.begin() as connection:
        connection.execute(
            text(
                """UPDATE tasks SET done = 2, total = 3, cursor = '{"length": 0}', result = '{"rows": 9, "jobs": 9}'"""
            )
        )
    made = done(messenger, tmp_path, task_id)
    assert made.file, made.error_message
    assert (made.result["jobs"], made.result["rows"], made.done) == (1, 1, 3)


def test_a_zone_that_this_machine_does_not_know_ends_it_with_a_sentence(messenger: Messenger, tmp_path: Path) -> None:
    parameters = {**RANGE, "format": "csv", "time_zone": "Mars/Olympus_Mons"}
    made = done(messenger, tmp_path, asked(messenger, TaskKind.REPORT, parameters=parameters))
    assert made.error_code == "time_zone_not_known"

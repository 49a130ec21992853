"""A report counts the jobs of a range of days by user, checkpoint and server, and is safe in any spreadsheet."""

import csv
import io
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import update

from shared.jobs import lifecycle
from shared.messaging.messenger import Messenger
from shared.models import GenerationJob
from shared.texts.csv_lines import as_csv
from tests.jobs import ANOTHER_USER, SERVER, USER, running, submitted
from tests.worker_service.tasks.reports import accepted, completed, reported
from worker_service.tasks.reports.rows import COLUMNS, ReportRow, rows_in


def some_jobs(messenger: Messenger) -> None:
    completed(messenger, 0)
    completed(messenger, 0)
    completed(messenger, 2, checkpoint_model='=cmd|"/c calc"!A1')
    completed(messenger, 3)  # a day too late
    completed(messenger, 1, user_id=ANOTHER_USER)
    accepted(messenger, submitted(messenger), 2)


def test_each_line_is_a_day_a_user_a_checkpoint_and_a_server(messenger: Messenger, tmp_path: Path) -> None:
    some_jobs(messenger)
    made, content = reported(messenger, tmp_path)
    header, *lines = csv.reader(io.StringIO(content))
    assert tuple(header) == COLUMNS
    assert [(line[0], line[2], line[3], *line[4:6], line[10]) for line in lines] == [
        ("2026-01-01", "random_sd15.safetensors", SERVER, "2", "2", "22"),
        ("2026-01-03", '\'=cmd|"/c calc"!A1', SERVER, "1", "1", "11"),
        ("2026-01-03", "random_sd15.safetensors", "", "1", "0", "0"),
    ]
    assert (made.total, made.result["jobs"], made.result["bytes"], made.result["rows"]) == (3, 4, 33, 3)
    assert made.file
    assert made.file["filename"] == "report-2026-01-01-2026-01-03.csv"


def test_an_admins_report_is_about_everybody(messenger: Messenger, tmp_path: Path) -> None:
    some_jobs(messenger)
    made, content = reported(messenger, tmp_path, owner=None)
    assert made.result["jobs"] == 5
    assert len({line[1] for line in csv.reader(io.StringIO(content))}) == 3, "two users, and the header"
    assert str(USER) not in content, "by their names"


def test_a_page_to_print_has_totals_and_no_markup_of_others(messenger: Messenger, tmp_path: Path) -> None:
    completed(messenger, 0, checkpoint_model="<script>alert(1)</script>")
    made, content = reported(messenger, tmp_path, "html")
    assert made.file
    assert made.file["media_type"].startswith("text/html")
    assert "<script" not in content
    assert content.count("&lt;script&gt;alert(1)&lt;/script&gt;") == 2
    assert [f"By {name}" in content for name in ("day", "user", "checkpoint", "server")] == [True] * 4


def test_gpu_seconds_are_those_until_comfyui_was_done(messenger: Messenger, tmp_path: Path) -> None:
    claim = running(messenger)
    with messenger.transaction() as session:
        lifecycle.complete(session, claim.lease, [])
        generated = claim.job.started_at and claim.job.started_at + timedelta(seconds=90)
        values = {"generated_at": generated}
        session.exec(update(GenerationJob).values(**values))
        session.connection().exec_driver_sql("UPDATE job_attempts SET ended_at = started_at + interval '100 seconds'")
    accepted(messenger, claim.job.id, 0)
    made, _ = reported(messenger, tmp_path)
    assert 89 < made.result["gpu_seconds"] < 91


@pytest.mark.parametrize(
    "name", ["=1", "+1", "-1", "@a", "\t=1", "\r=1", "\n=1", "\uff1d1", "\uff0b1", "\uff0d1", "\uff20a"]
)
def test_no_name_is_a_formula(name: str) -> None:
    assert as_csv([[name]]).decode().lstrip('"').startswith(f"'{name}")


def test_rows_are_read_as_they_were_written() -> None:
    row = ReportRow("2026-01-01", "anna", 'a "b",\r\nc', "", 1, 1, 0, 0, 0, 1.5, 3, 0, 1, "Europe/Berlin")
    written = as_csv([COLUMNS, row])
    assert list(rows_in([written[:40], written[40:]])) == [row]

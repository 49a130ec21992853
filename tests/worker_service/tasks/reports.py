"""Jobs that were accepted on the first days of 2026, and reports of them."""

import csv
import io
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlmodel import col, update

from shared.jobs import lifecycle
from shared.messaging.messenger import Messenger
from shared.models import GenerationJob, Task, TaskKind
from shared.storage.folder_store import FolderStore
from tests.jobs import output, running
from tests.tasks import asked, done

FIRST = datetime(2026, 1, 1, tzinfo=UTC)
RANGE = {"first_day": "2026-01-01", "last_day": "2026-01-03"}


def accepted(messenger: Messenger, job_id: int, day: int) -> None:
    with messenger.transaction() as session:
        moment = FIRST + timedelta(days=day, hours=1)
        session.exec(update(GenerationJob).where(col(GenerationJob.id) == job_id).values(created_at=moment))


def completed(messenger: Messenger, day: int, **values: Any) -> None:
    claim = running(messenger, **values)
    with messenger.transaction() as session:
        lifecycle.complete(session, claim.lease, [output(claim, 0, size_bytes=7), output(claim, 1, size_bytes=4)])
    accepted(messenger, claim.job.id, day)


def reported(
    messenger: Messenger, folder: Path, format_: str = "csv", *, of: Mapping[str, str] = RANGE, **terms: Any
) -> tuple[Task, str]:
    task_id = asked(messenger, TaskKind.REPORT, parameters={**of, "format": format_}, terms=terms)
    made = done(messenger, folder, task_id)
    assert made.file, made.error_message
    content = b"".join(FolderStore(folder / "outputs").read(made.file["path"]))
    assert made.file["size_bytes"] == len(content)
    return made, content.decode()


def lines_of(content: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content)))

"""A day has 24 hours and is UTC's, also where the database's own clock was put forward or back today."""

import csv
import io
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from shared.configuration.settings import Settings
from shared.messaging.messenger import Messenger
from shared.models import TaskKind
from shared.storage.folder_store import FolderStore
from tests.another_clock import set_clock
from tests.cleaning import cleaned
from tests.jobs import submitted
from tests.tasks import asked, done
from tests.worker_service.cleanup.old import Old

HERE = "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET timezone TO ''Europe/Berlin''', current_database()); END $$"
HOUR = timedelta(hours=1)


@pytest.fixture
def database_url(own_database: str) -> str:
    return own_database


@pytest.fixture
def noon(request: pytest.FixtureRequest, messenger: Messenger, settings: Settings) -> datetime:
    """It is then, by the database's clock, which is in Berlin."""
    moment = datetime.fromisoformat(f"{request.param}T12:00").replace(tzinfo=UTC)
    with messenger.engine.begin() as connection:
        connection.execute(text(HERE))
    set_clock(settings.database_url, moment - datetime.now(UTC))
    messenger.engine.dispose()
    return moment


@pytest.mark.parametrize("noon", ["2027-03-28", "2027-10-31"], indirect=True)
def test_what_is_kept_for_a_day_is_kept_for_24_hours(noon: datetime, old: Old) -> None:
    jobs = {}
    for hours in (22.5, 23.5, 24.5, 25.5):
        jobs[hours] = old.cancelled(1)
        ended = noon - hours * HOUR
        old.change(jobs[hours], created_at=ended - HOUR, completed_at=ended)
    assert cleaned(old.messenger, old.settings, "jobs", retention_jobs=timedelta(days=1)) == 2
    assert old.jobs() == [jobs[22.5], jobs[23.5]]


@pytest.mark.parametrize("noon", ["2027-03-28", "2027-10-31"], indirect=True)
def test_a_report_counts_by_the_days_of_utc(
    noon: datetime, messenger: Messenger, settings: Settings, old: Old, tmp_path: Path
) -> None:
    midnight = noon.replace(hour=0)
    for hours in (-0.5, 0, 0.5, 1.5, 22.5, 23.5, 24, 24.5):
        old.change(submitted(messenger), created_at=midnight + hours * HOUR)
    days = {"first_day": f"{midnight - 24 * HOUR:%Y-%m-%d}", "last_day": f"{midnight + 24 * HOUR:%Y-%m-%d}"}
    made = done(messenger, tmp_path, asked(messenger, TaskKind.REPORT, parameters={**days, "format": "csv"}))
    assert made.file, made.error_message
    content = b"".join(FolderStore(tmp_path / "outputs").read(made.file["path"])).decode()
    _, *lines = csv.reader(io.StringIO(content))
    assert [line[4] for line in lines] == ["1", "5", "2"]

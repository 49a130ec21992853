"""An installation that is well: its worker, scheduler and server are rows, locks and connections as theirs are."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text

from deploy.doctor.examination import examine
from deploy.doctor.finding import Finding, Mark
from shared.configuration.settings import Settings
from shared.database.engine import create_engine, transaction
from shared.messaging.due_work import WakeUps
from shared.messaging.messenger import Messenger
from shared.models import ComfyUIServer, Worker
from tests.api_service.conftest import new_key
from tests.jobs import new_job
from worker_service.scheduler.leadership import leadership
from worker_service.scheduler.schedule import due_work

SERVER = "http://127.0.0.1:9"


@pytest.fixture
def key(engine: Engine) -> str:
    return new_key(engine)


@pytest.fixture
def well(engine: Engine, settings: Settings, environ: dict[str, str], messenger: Messenger) -> Iterator[dict[str, str]]:
    """Its variables."""
    leader = create_engine(settings, application="scheduler", connections=1)
    with transaction(engine) as session:
        session.add(Worker(id="somewhere:1:a", threads=3))
        session.add(ComfyUIServer(name=SERVER, last_seen_at=session.scalar(text("SELECT now()"))))
    for work in due_work(settings):
        WakeUps(messenger, work).send_missing()
    with leadership(leader, silence=timedelta(minutes=5)):
        yield {**environ, "COMFYUI_URLS": SERVER}
    leader.dispose()


class Diagnosis(list[Finding]):
    """What was found, and ways to look something up in it."""

    def lines(self, mark: Mark) -> list[str]:
        return [str(finding) for finding in self if finding.mark is mark]

    @property
    def troubles(self) -> list[str]:
        return self.lines(Mark.TROUBLE)

    @property
    def warnings(self) -> list[str]:
        return self.lines(Mark.WARNING)


def diagnosed(environ: dict[str, str]) -> Diagnosis:
    return Diagnosis(examine(environ))


def add_job(engine: Engine, **terms: Any) -> None:
    with transaction(engine) as session:
        session.add(new_job(**terms))


def add_output(engine: Engine) -> None:
    add_job(engine, status="failed")
    with transaction(engine) as session:
        session.execute(
            text(
                "INSERT INTO job_outputs"
                " (job_id, number, kind, node_id, filename, path, media_type, size_bytes, sha256)"
                " SELECT id, 0, 'image', '9', 'a.png', 'a/1/1/a.png', 'image/png', 1, 'x' FROM generation_jobs"
            )
        )

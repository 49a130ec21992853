"""API, worker and scheduler share no folder and no clock: what they share is PostgreSQL, Redis and the store."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from deploy.local.process import Command
from deploy.local.system import REPOSITORY
from tests.another_clock import set_clock
from tests.journeys.conftest import Journey, Start, until

pytestmark = [pytest.mark.system, pytest.mark.landing, pytest.mark.timeout(300)]

MINUTE = timedelta(minutes=1)


@pytest.fixture(params=[MINUTE, -MINUTE], ids=["behind the database", "ahead of the database"])
def here(journey: Start, own_database: str, folder: Path, request: pytest.FixtureRequest) -> Iterator[Journey]:
    """A system whose services have a home, a working folder and a folder for temporary files each."""
    with journey(PYTHONPATH=str(REPOSITORY)) as here:
        set_clock(own_database, request.param)  # for the connections of what starts from now on
        for name in ("api", "scheduler", "worker"):
            process = here.system.processes[name]
            process.stop()
            here.system.processes.start(elsewhere(process.command, folder / "machines" / name))
        until(lambda: lacks(here) == {"clock"})
        yield here


def lacks(here: Journey) -> set[str]:
    """The parts that are not as they should be. A clock that is wrong takes no API out of service."""
    answer = here.http.get("/health/ready")
    assert answer.status_code == 200
    return {name for name, part in answer.json().items() if isinstance(part, dict) and not part["ok"]}


def elsewhere(command: Command, machine: Path) -> Command:
    places = {"HOME": machine / "home", "TMPDIR": machine / "tmp"}
    for place in (machine, *places.values()):
        place.mkdir(parents=True, exist_ok=True)
    environ = {**(command.environ or {}), **{name: str(place) for name, place in places.items()}}
    return replace(command, cwd=machine, environ=environ)


def test_jobs_are_done_and_a_killed_worker_is_followed(here: Journey) -> None:
    later = here.submit(delay_seconds=1)
    held = here.held_up()
    here.kill("worker")
    held.let_go()
    here.restart("worker")
    job = here.completed(held.id)
    assert (job["attempt"], job["comfyui_prompt_id"]) == (2, held.prompt_id)
    here.completed(later["id"])
    assert here.times_run() == [1, 1]

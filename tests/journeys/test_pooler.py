"""Whole jobs go through PgBouncer in transaction mode: accepted, watched, run, and adopted after a worker's death."""

from pathlib import Path

import pytest

from tests.journeys.conftest import Start
from tests.pooler import needs_pgbouncer, pgbouncer

# What starts the system looks at the schema as migrations do, by a connection that tells something at its start.
LENIENT = "ignore_startup_parameters = options"

pytestmark = [pytest.mark.system, pytest.mark.landing, needs_pgbouncer, pytest.mark.timeout(300)]


def test_a_job_goes_through_a_pooler_and_outlives_its_worker(journey: Start, own_database: str, folder: Path) -> None:
    with (
        pgbouncer(own_database, folder, LENIENT) as url,
        journey(DATABASE_URL=url, DATABASE_POOLER="transaction") as here,
    ):
        here.completed(here.submit()["id"])
        held = here.held_up()
        here.kill("worker")
        held.let_go()
        here.restart("worker")
        job = here.completed(held.id)
        assert (job["attempt"], job["comfyui_prompt_id"]) == (2, held.prompt_id)
        assert here.times_run() == [1, 1]

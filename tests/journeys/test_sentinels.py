"""The primary Redis is killed under running and waiting jobs: a replica takes over, and no job notices."""

from pathlib import Path

import pytest

from tests.journeys.conftest import Start, until
from tests.sentinels import watched_valkey

pytestmark = [pytest.mark.system, pytest.mark.landing, pytest.mark.timeout(300)]


def test_the_primary_is_killed_while_jobs_run(journey: Start, folder: Path) -> None:
    with watched_valkey(folder) as valkey, journey(REDIS_URL=valkey.url) as here:
        held, waiting = here.held_up(), here.submit()
        killed = valkey.primary
        valkey.servers[killed].kill()
        without_redis = here.submit()
        held.let_go()
        until(lambda: valkey.primary not in {0, killed})
        until(lambda: here.http.get("/health/ready").json()["redis"]["ok"])
        afterwards = here.submit()
        for job_id in (held.id, *(job["id"] for job in (waiting, without_redis, afterwards))):
            job = here.completed(job_id)
            assert (job["attempt"], job["retries"]) == (1, 0)
        assert here.times_run() == [1, 1, 1, 1]

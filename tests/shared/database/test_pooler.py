"""Through a pooler each transaction may be on another connection: what a session keeps is not relied upon."""

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from shared.configuration.settings import load_settings
from shared.database.engine import reading, single, transaction
from shared.database.schema import exit_unless_migrated, schema_problem
from shared.database.sessions import IN_ALL
from shared.jobs import lifecycle
from shared.messaging.messenger import Messenger
from shared.models import JobStatus
from tests.jobs import answering, claimed, job, output, submitted
from tests.pooler import needs_pgbouncer, pgbouncer
from tests.worker_service.waiting import until
from worker_service.scheduler.leadership import leadership

pytestmark = pytest.mark.system

JOBS, WORKERS = 40, 8
SHOWN = text("SELECT name, current_setting(name) FROM unnest(:names) AS name")


@pytest.fixture(params=["PostgreSQL itself", pytest.param("PgBouncer", marks=[needs_pgbouncer, pytest.mark.landing])])
def pooled_url(own_database: str, folder: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    if request.param == "PostgreSQL itself":
        yield own_database
    else:
        with pgbouncer(own_database, folder) as url:
            yield url


@pytest.fixture
def environ(environ: dict[str, str], pooled_url: str) -> dict[str, str]:
    return {**environ, "DATABASE_URL": pooled_url, "DATABASE_POOLER": "transaction"}


def test_every_transaction_has_our_times_and_its_bounds(engine: Engine) -> None:
    for begin in (transaction, reading, single, transaction):
        with begin(engine) as session:
            assert dict(session.execute(SHOWN, {"names": list(IN_ALL)}).all()) == IN_ALL


def test_jobs_are_claimed_and_completed_once_whatever_connection_a_transaction_is_on(messenger: Messenger) -> None:
    answering(messenger, slots=64)
    numbers = [submitted(messenger) for _ in range(JOBS)]

    def work(worker: int) -> list[int]:
        done = []
        while claim := claimed(messenger, worker=f"worker-{worker}"):
            with single(messenger.engine) as session:
                lifecycle.generated(session, claim.lease)
            with messenger.transaction() as session:
                lifecycle.complete(session, claim.lease, [output(claim)])
            done.append(claim.job.id)
        return done

    with ThreadPoolExecutor(WORKERS) as threads:
        done = Counter(number for worker in threads.map(work, range(WORKERS)) for number in worker)
    assert done == Counter(numbers)
    assert {job(messenger, number).status for number in numbers} == {JobStatus.COMPLETED}


def test_one_scheduler_leads_and_one_that_hangs_is_deposed(engine: Engine) -> None:
    def leads() -> bool:
        with leadership(engine) as held:
            return held is not None

    with leadership(engine) as held:
        assert held is not None
        assert not leads()
        assert held.scalar(text("SELECT 1")) == 1
    until(leads)
    # A closed connection lets go of its lock a moment later.
    until(lambda: silent_leader_is_deposed(engine, leads), lambda: "the lock of a silent leader was never free")


def silent_leader_is_deposed(engine: Engine, leads: Callable[[], bool]) -> bool:
    with leadership(engine, silence=timedelta(seconds=1)) as held:
        if held is None:
            return False
        until(leads)
    return True


def test_a_service_starts(engine: Engine, environ: dict[str, str]) -> None:
    assert schema_problem(engine) is None
    exit_unless_migrated(load_settings(environ), application="tests")

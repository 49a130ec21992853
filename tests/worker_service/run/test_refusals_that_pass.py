"""A PostgreSQL that answers and refuses for a while is as one that is away: no job ends by that, and no lease."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError
from structlog.testing import capture_logs

from shared.jobs import lifecycle
from shared.jobs.attempts import Prompt
from shared.jobs.claim import claims
from shared.models import JobStatus, Outcome, Worker
from tests import jobs
from tests.jobs import claimant, silence
from tests.refusing import refusing, without_table
from tests.simulator.running import OLDER_AT_LANDING
from tests.sweeps import rest_at_landing
from tests.worker_service.deployment import Deployment
from tests.worker_service.running_worker import RunningWorker
from tests.worker_service.waiting import until
from worker_service.run.prompt.quarantine import refuse_quarantined

pytestmark = OLDER_AT_LANDING
FOR_EVER = 3600.0
# A right is taken away, a table is not there, no number is left, the disk is full, trouble of its own.
PASSING = ["42501", "42P01", "2200H", "53100", "XX000"]


@contextmanager
def locked(engine: Engine, job_id: int) -> Iterator[None]:
    """Somebody else, in psql say, has changed the job's row and not committed."""
    with engine.connect() as connection, connection.begin():
        connection.execute(text("SELECT FROM generation_jobs WHERE id = :id FOR UPDATE"), {"id": job_id})
        yield


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize("state", rest_at_landing(PASSING))
def test_a_result_that_is_not_taken_now_is_written_later(deployment: Deployment, engine: Engine, state: str) -> None:
    with capture_logs() as logs, refusing(engine, "job_outputs", state=state):
        job_id = deployment.submit()
        until(lambda: any(line["event"] == "database.unavailable" for line in logs))
        assert deployment.job(job_id).status is JobStatus.RUNNING
    deployment.ended(job_id)
    assert deployment.outcomes(job_id) == [Outcome.COMPLETED]
    assert [execution.started for execution in deployment.comfyui.executions().values()] == [1]


@pytest.mark.usefixtures("worker")
def test_a_wake_up_that_comes_while_claims_are_refused_is_neither_buried_nor_kept(
    deployment: Deployment, engine: Engine
) -> None:
    with capture_logs() as logs, refusing(engine, "job_attempts", state="42501"):
        job_id = deployment.submit()
        until(lambda: any(line["event"] == "message.put_off" for line in logs))
    deployment.ended(job_id)
    assert deployment.outcomes(job_id) == [Outcome.COMPLETED]
    until(lambda: deployment.messages() == (0, 0))
    assert not [line for line in logs if line.get("exc_info")]


def test_a_prompt_that_nobody_else_knows_of_is_withdrawn_once_the_database_says_so(
    deployment: Deployment, worker: RunningWorker, engine: Engine
) -> None:
    deployment.comfyui.pace(step_seconds=FOR_EVER)
    worker.resources.leases.close()
    job_id = deployment.submit()
    prompt_id = deployment.sampling(job_id)
    silence(deployment.messenger, job_id)
    with deployment.messenger.transaction() as session:
        heir = claims.claim(session, claimant(deployment.comfyui.url, worker="heir"))
        assert heir
        lifecycle.redirect(session, heir.lease, Prompt(deployment.comfyui.url, "the heir's own"), adopted=False)
    with capture_logs() as logs, without_table(engine, "job_attempts"):
        worker.resources.leases.beat()
        until(lambda: any(line["event"] == "database.unavailable" for line in logs))
    assert deployment.comfyui.wait_finished(prompt_id).outcomes == ["interrupted"]
    until(lambda: not worker.resources.leases.by_holder())


def test_whether_a_workflow_is_in_quarantine_is_asked_until_it_is_known(deployment: Deployment, engine: Engine) -> None:
    job = deployment.job(jobs.submitted(deployment.messenger, workflow_key="0123456789abcdef"))
    with capture_logs() as logs, ThreadPoolExecutor(1) as threads:
        with without_table(engine, "suspect_workflows"):
            asking = threads.submit(refuse_quarantined, engine, job)
            until(lambda: any(line["event"] == "database.unavailable" for line in logs))
        assert asking.result(20) is None


def test_a_row_that_somebody_locks_keeps_no_other_lease_from_being_renewed(
    deployment: Deployment, worker: RunningWorker, engine: Engine
) -> None:
    deployment.comfyui.pace(step_seconds=FOR_EVER)
    worker.resources.leases.close()  # it beats when it is told
    stuck, other = deployment.submit(), deployment.submit()
    until(lambda: len(worker.resources.leases.by_holder()) == 2)
    silence(deployment.messenger, stuck)
    silence(deployment.messenger, other)
    with locked(engine, stuck):
        worker.resources.leases.beat()
        assert expired(engine) == [stuck]
        assert len(worker.resources.leases.by_holder()) == 2, "nobody has taken it"
    worker.resources.leases.beat()
    assert expired(engine) == []
    for job_id in (stuck, other):
        deployment.cancel(job_id)
        deployment.ended(job_id, JobStatus.CANCELLED)


def test_a_row_of_its_own_that_is_not_written_costs_a_worker_no_lease(
    deployment: Deployment, worker: RunningWorker, engine: Engine
) -> None:
    deployment.comfyui.pace(step_seconds=FOR_EVER)
    worker.resources.leases.close()
    job_id = deployment.submit()
    until(worker.resources.leases.by_holder)
    with refusing(engine, Worker.__tablename__, state="42501"):
        silence(deployment.messenger, job_id)
        with pytest.raises(SQLAlchemyError, match="refused"):
            worker.resources.leases.beat()
        assert expired(engine) == []
    deployment.cancel(job_id)
    deployment.ended(job_id, JobStatus.CANCELLED)


def expired(engine: Engine) -> list[int]:
    with engine.connect() as connection:
        found = text("SELECT id FROM generation_jobs WHERE lease_expires_at <= now() ORDER BY id")
        return list(connection.scalars(found))

"""A job that somebody interrupts runs again; one that interrupts itself is found out the second time."""

import pytest

from shared.models import JobStatus, Outcome
from tests import jobs
from tests.simulator.graphs import node
from tests.simulator.running import BOTH
from tests.worker_service.deployment import Deployment

STOPS_ITSELF = {"1": node("SimulatedRaise", what="interrupt", megabytes=0)}


@BOTH
@pytest.mark.usefixtures("worker")
def test_a_job_whose_node_interrupts_it_ends_at_the_second_time_and_no_server_is_blamed(deployment: Deployment) -> None:
    job_id = deployment.submit(workflow=STOPS_ITSELF, checkpoint_model=None)
    job = deployment.ended(job_id, JobStatus.FAILED)
    assert (job.error_code, job.error_details) == (
        "interrupted_twice",
        {"node_id": "1", "node_type": "SimulatedRaise"},
    )
    assert "twice in a row" in (job.error_message or "")
    assert deployment.outcomes(job_id) == [Outcome.RETRIED, Outcome.FAILED]
    assert [attempt.error_code for attempt in jobs.attempts(deployment.messenger, job_id)] == [
        "interrupted",
        "interrupted_twice",
    ]
    found = deployment.server()
    assert (found.open_until, found.unreachable_since) == (None, None)

"""A workflow that brings servers to grief is not sent to them any more."""

from shared.models import JobStatus, Outcome
from tests import jobs
from tests.quarantine import FINGERPRINT, quarantined, suspect
from tests.worker_service.deployment import Deployment


def ended_with(deployment: Deployment, fingerprint: str = FINGERPRINT) -> str | None:
    """The code with which a job of the workflow fails."""
    job_id = deployment.submit(workflow_key=fingerprint)
    return deployment.ended(job_id, JobStatus.FAILED).error_code


def test_a_workflow_that_fills_servers_ends_in_quarantine(deployment: Deployment) -> None:
    deployment.comfyui.fault("out_of_memory", step=1, times=2)
    with deployment.worker(QUARANTINE_AFTER="2"):
        assert ended_with(deployment) == "out_of_memory"
        sent = len(deployment.comfyui.executions())
        job = deployment.ended(deployment.submit(workflow_key=FINGERPRINT), JobStatus.FAILED)
        assert job.error_code == "workflow_quarantined"
        assert "2 attempts in a row ended with out_of_memory" in (job.error_message or "")
        assert (job.error_details or {})["fingerprint"] == FINGERPRINT
        assert deployment.outcomes(job.id) == [Outcome.FAILED]
        assert len(deployment.comfyui.executions()) == sent, "its prompt was not sent"
        deployment.ended(deployment.submit(workflow_key="00000000000000bb"))


def test_a_workflow_that_ends_its_server_is_counted_against(deployment: Deployment) -> None:
    deployment.comfyui.pace(step_seconds=0.2)  # each step tells a worker whose socket was late for those before
    with deployment.worker() as worker:
        job_id = deployment.submit(workflow_key=FINGERPRINT, steps=100)
        deployment.seen_sampling(job_id)
        deployment.comfyui.kill()
        deployment.comfyui.restart()
        deployment.put_back(job_id)
        worker.look()
        deployment.ended(job_id)
    found = suspect(deployment.messenger)
    assert found is not None
    assert (found.error_code, found.strikes, found.quarantined_at) == ("prompt_lost", 1, None)
    assert found.servers == [jobs.attempts(deployment.messenger, job_id)[0].server]


def test_a_workflow_that_was_released_is_run(deployment: Deployment) -> None:
    quarantined(deployment.messenger)
    with deployment.worker():
        assert ended_with(deployment) == "workflow_quarantined"
        with deployment.messenger.transaction() as session:
            session.delete(suspect(deployment.messenger))
        deployment.ended(deployment.submit(workflow_key=FINGERPRINT))

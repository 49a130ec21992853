"""A worker counts what became of its attempts, and of those that it took over."""

from shared.models import JobStatus
from tests import jobs
from tests.worker_service.deployment import Deployment
from tests.worker_service.running_worker import RunningWorker
from tests.worker_service.waiting import until


def counted(worker: RunningWorker, name: str, **labels: str) -> float:
    """What it has counted so far. The last of it is counted just after the job has ended."""
    return worker.resources.registry.get_sample_value(f"genonaut_{name}", labels) or 0


def test_a_job_that_completes_is_counted_with_its_bytes(deployment: Deployment, worker: RunningWorker) -> None:
    job = deployment.ended(deployment.submit())
    server = deployment.comfyui.url
    until(lambda: counted(worker, "attempts_total", server=server, outcome="completed") == 1)
    size = sum(output.size_bytes for output in deployment.outputs(job.id))
    until(lambda: counted(worker, "outputs_bytes_total") == size)
    assert counted(worker, "jobs_finished_total", status="completed", kind="image") == 1
    assert counted(worker, "adoptions_total") == 0


def test_a_failure_is_counted_by_its_code(deployment: Deployment, worker: RunningWorker) -> None:
    deployment.ended(deployment.submit(checkpoint_model="nope.safetensors"), JobStatus.FAILED)
    until(lambda: counted(worker, "failures_total", reason="workflow_rejected") == 1)
    assert counted(worker, "attempts_total", server=deployment.comfyui.url, outcome="failed") == 1


def test_whoever_takes_over_counts_the_lease_that_ran_out(deployment: Deployment) -> None:
    left = deployment.leave_behind(jobs.submitted(deployment.messenger), sent=True)
    with deployment.worker() as worker:
        deployment.ended(left.job.id)
        assert counted(worker, "lease_expiries_total") == 1
        assert counted(worker, "adoptions_total") == 1
        assert counted(worker, "attempts_total", server=left.prompt.server, outcome="expired") == 1


def test_a_worker_that_is_stopped_counts_what_it_released_and_the_next_no_lease_that_ran_out(
    deployment: Deployment,
) -> None:
    stalled = deployment.comfyui.fault("stall", step=1)
    with deployment.worker() as worker:
        job_id = deployment.submit()
        deployment.sampling(job_id)
        stalled.wait_until_struck()
    assert counted(worker, "attempts_total", server=deployment.comfyui.url, outcome="released") == 1
    with deployment.worker() as heir:
        stalled.clear()
        deployment.ended(job_id)
    assert (counted(heir, "lease_expiries_total"), counted(heir, "adoptions_total")) == (0, 1)


def test_the_room_of_the_store_is_told(deployment: Deployment, worker: RunningWorker) -> None:
    until(lambda: counted(worker, "storage_free_bytes") > 0)

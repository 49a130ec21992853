"""A job that runs longer than the soft limit is stopped and failed, and its prompt does not go on without it."""

from dramatiq.middleware import TimeLimitExceeded

from shared.jobs.attempts import Lease
from shared.jobs.claim.claims import Claim, prompt_of
from shared.models import JobStatus, Outcome
from tests.simulator.graphs import noise, submit
from tests.worker_service.deployment import Deployment
from tests.worker_service.running_worker import RunningWorker
from tests.worker_service.waiting import until
from worker_service.run import finish
from worker_service.run.attempt import Attempt
from worker_service.run.outcome import Lost, outcome_of
from worker_service.run.prompt.mailbox import Mailbox

LIMITS = {"SOFT_TIME_LIMIT": "1s", "HARD_TIME_LIMIT": "1h"}


def let_the_limit_pass(worker: RunningWorker) -> None:
    """Limits are counted from a message's start, and held to from the process's boot, which the worker here lacks."""
    worker.broker.emit_after("process_boot")


def sent(deployment: Deployment, job_id: int) -> bool:
    """Whether ComfyUI has the job's prompt."""
    return (deployment.job(job_id).comfyui_prompt_id or "") in deployment.comfyui.executions()


def test_a_job_that_runs_too_long_fails_and_its_prompt_is_interrupted(deployment: Deployment) -> None:
    deployment.comfyui.pace(step_seconds=3600)
    with deployment.worker(**LIMITS) as worker:
        job_id = deployment.submit()
        deployment.sampling(job_id)
        let_the_limit_pass(worker)
        job = deployment.ended(job_id, JobStatus.FAILED)
    assert (job.error_code, job.error_details) == ("timeout", {"limit_seconds": 1.0})
    assert deployment.outcomes(job.id) == [Outcome.FAILED]
    assert deployment.comfyui.wait_finished(job.comfyui_prompt_id or "").outcomes == ["interrupted"]


def test_time_in_the_queue_of_a_server_does_not_count_and_time_at_work_does(deployment: Deployment) -> None:
    deployment.comfyui.pace(step_seconds=3600)
    stall = deployment.comfyui.fault("stall", prompt_id="foreign")
    submit(deployment.comfyui, "foreign", noise())
    stall.wait_until_struck()
    limits = {"SOFT_TIME_LIMIT": "5s", "HARD_TIME_LIMIT": "8s"}
    with deployment.worker(**limits) as worker:
        job_id = deployment.submit()
        until(lambda: sent(deployment, job_id))
        waited: list[float] = []
        worker.resources.jobs.run.queue_time.limits.append(lambda _thread, seconds: waited.append(seconds))
        let_the_limit_pass(worker)
        until(lambda: sum(waited) > 8, lambda: deployment.story(job_id))
        assert deployment.job(job_id).status is JobStatus.RUNNING, deployment.story(job_id)
        stall.clear()
        deployment.sampling(job_id)
        job = deployment.ended(job_id, JobStatus.FAILED)
    assert deployment.comfyui.wait_finished("foreign").outcomes == ["success"]
    assert job.error_code == "timeout"


def test_a_job_whose_node_heeds_no_interrupt_fails_all_the_same(deployment: Deployment) -> None:
    stall = deployment.comfyui.fault("stall", step=1)
    with deployment.worker(**LIMITS) as worker:
        job_id = deployment.submit()
        stall.wait_until_struck()
        let_the_limit_pass(worker)
        job = deployment.ended(job_id, JobStatus.FAILED)
    assert job.error_code == "timeout"
    stall.clear()
    assert deployment.comfyui.wait_finished(job.comfyui_prompt_id or "").outcomes == ["interrupted"]


def test_a_job_of_a_server_that_accepts_and_runs_nothing_is_put_back_and_taken_out_of_its_queue(
    deployment: Deployment,
) -> None:
    deployment.comfyui.fault("kill_worker", at="take")
    with deployment.worker(SOFT_TIME_LIMIT="5s", HARD_TIME_LIMIT="1h") as worker:
        job_id = deployment.submit()
        until(lambda: sent(deployment, job_id))
        let_the_limit_pass(worker)
        worker.until(lambda: deployment.job(job_id).status is JobStatus.QUEUED)
        job = deployment.job(job_id)
        left = deployment.comfyui.http.get("/queue").json()
    assert not deployment.comfyui.worker_alive
    assert deployment.outcomes(job_id) == [Outcome.RETRIED]
    assert deployment.times_started(job.comfyui_prompt_id or "") == 0
    assert job.comfyui_prompt_id not in {entry[1] for entries in left.values() for entry in entries}


def test_a_limit_that_passes_just_after_the_end_costs_a_completed_job_nothing(deployment: Deployment) -> None:
    with deployment.worker() as worker:
        job = deployment.ended(deployment.submit())
        claim = Claim(job, Lease(job.id, job.attempt), prompt_of(job), doubt=None, deaths=0)
        attempt = Attempt(worker.resources.jobs.run, claim, Mailbox(), leave_slot=lambda: None)
        assert outcome_of(finish.time_out, attempt, TimeLimitExceeded()) == Lost()
    assert deployment.outcomes(job.id) == [Outcome.COMPLETED]
    assert deployment.outputs(job.id)


def test_a_job_that_is_being_cancelled_when_the_limit_passes_is_cancelled(deployment: Deployment) -> None:
    stall = deployment.comfyui.fault("stall", step=1)
    with deployment.worker(**LIMITS) as worker:
        job_id = deployment.submit()
        stall.wait_until_struck()
        deployment.cancel(job_id)
        let_the_limit_pass(worker)
        deployment.ended(job_id, JobStatus.CANCELLED)
    stall.clear()

"""ComfyUI and Redis keep nothing of a job that has ended; what a job that goes on still needs is kept."""

import pytest

from shared.models import JobStatus, Outcome
from tests import jobs
from tests.simulator.graphs import past
from tests.simulator.running import BOTH
from tests.worker_service.deployment import Deployment
from tests.worker_service.waiting import until


def is_forgotten(deployment: Deployment, prompt_id: str) -> bool:
    return past(deployment.comfyui, prompt_id) is None


@BOTH
@pytest.mark.usefixtures("worker")
def test_a_prompt_is_forgotten_once_its_outputs_are_stored(deployment: Deployment) -> None:
    job = deployment.ended(deployment.submit())
    until(lambda: is_forgotten(deployment, job.comfyui_prompt_id or ""))
    assert deployment.comfyui.executions()[job.comfyui_prompt_id or ""].outcomes == ["success"]


@pytest.mark.usefixtures("worker")
def test_so_is_one_that_failed_and_one_that_was_cancelled(deployment: Deployment) -> None:
    deployment.comfyui.fault("node_error", node="KSampler", step=1)
    failed = deployment.ended(deployment.submit(), JobStatus.FAILED)
    deployment.comfyui.pace(step_seconds=3600)
    running = deployment.submit()
    prompt_id = deployment.sampling(running)
    deployment.cancel(running)
    deployment.ended(running, JobStatus.CANCELLED)
    until(lambda: is_forgotten(deployment, failed.comfyui_prompt_id or ""))
    until(lambda: is_forgotten(deployment, prompt_id))


@pytest.mark.usefixtures("worker")
def test_and_one_after_which_another_was_sent(deployment: Deployment) -> None:
    deployment.comfyui.fault("missing_file", times=1)
    job = deployment.ended(deployment.submit())
    first, second = jobs.attempts(deployment.messenger, job.id)
    assert first.outcome is Outcome.RETRIED
    until(lambda: all(is_forgotten(deployment, one.comfyui_prompt_id) for one in (first, second)))


def test_a_result_is_kept_until_it_is_stored(deployment: Deployment) -> None:
    job_id = jobs.submitted(deployment.messenger)
    claim = deployment.leave_behind(job_id, sent=True)
    deployment.comfyui.wait_finished(claim.prompt.id)
    with deployment.worker():
        job = deployment.ended(job_id)
        until(lambda: is_forgotten(deployment, claim.prompt.id))
    assert job.comfyui_prompt_id == claim.prompt.id
    assert deployment.comfyui.executions()[claim.prompt.id].started == 1


def test_an_operator_may_keep_the_history(deployment: Deployment) -> None:
    with deployment.worker(COMFYUI_KEEP_HISTORY="true"):
        job = deployment.ended(deployment.submit())
    assert not is_forgotten(deployment, job.comfyui_prompt_id or "")


@pytest.mark.usefixtures("worker")
def test_redis_keeps_no_key_of_a_job_that_has_ended(deployment: Deployment) -> None:
    deployment.comfyui.pace(step_seconds=0.2)
    completed = deployment.submit(steps=4)
    key = deployment.messenger.channels.progress(completed)
    until(lambda: deployment.messenger.client.exists(key))
    cancelled = deployment.submit(steps=100)
    deployment.ended(completed)
    deployment.seen_sampling(cancelled)
    deployment.cancel(cancelled)
    deployment.ended(cancelled, JobStatus.CANCELLED)
    prefix = deployment.messenger.channels.prefix
    until(lambda: not list(deployment.messenger.client.scan_iter(match=f"{prefix}*")))

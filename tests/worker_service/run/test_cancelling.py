"""A cancelled job's prompt is gone from ComfyUI before the job is called cancelled, and nobody else's is touched."""

from datetime import timedelta

import pytest

from shared.jobs import lifecycle
from shared.jobs.errors import ComfyUIUnreachable
from shared.models import FINAL, EventType, JobStatus, Outcome
from tests import jobs
from tests.simulator.graphs import noise, submit
from tests.simulator.running import OLDER_AT_LANDING
from tests.worker_service.deployment import Deployment
from tests.worker_service.running_worker import RunningWorker
from tests.worker_service.waiting import until
from worker_service.run.prompt.mailbox import Signal

pytestmark = OLDER_AT_LANDING
BEFORE = "0a1b2c3d-0000-4000-8000-000000000001"
AFTER = "0a1b2c3d-0000-4000-8000-000000000002"
FOREIGN = "0a1b2c3d-0000-4000-8000-000000000003"

CANCELLED = JobStatus.CANCELLED
FOR_EVER = 3600.0  # a step that an interrupt alone ends


@pytest.mark.usefixtures("worker")
def test_a_running_job_is_interrupted_and_the_prompts_around_it_are_not(deployment: Deployment) -> None:
    comfyui = deployment.comfyui
    submit(comfyui, BEFORE, noise())
    comfyui.wait_finished(BEFORE)
    comfyui.pace(step_seconds=FOR_EVER)
    job_id = deployment.submit()
    prompt_id = deployment.sampling(job_id)
    submit(comfyui, AFTER, noise())
    deployment.cancel(job_id)
    deployment.ended(job_id, CANCELLED)
    assert comfyui.wait_finished(prompt_id).outcomes == ["interrupted"]
    assert comfyui.wait_finished(AFTER).outcomes == ["success"]
    assert deployment.outcomes(job_id) == [Outcome.CANCELLED]
    told = [event.type for event in jobs.events(deployment.messenger, job_id)]
    assert told == [EventType.QUEUED, EventType.STARTED, EventType.CANCELLING, EventType.CANCELLED]


@pytest.mark.usefixtures("worker")
def test_a_job_that_waits_in_comfyui_is_taken_out_and_what_runs_before_it_goes_on(deployment: Deployment) -> None:
    stall = deployment.comfyui.fault("stall", prompt_id=FOREIGN)
    submit(deployment.comfyui, FOREIGN, noise())
    stall.wait_until_struck()
    job_id = deployment.submit()
    until(lambda: (deployment.job(job_id).comfyui_prompt_id or "") in deployment.comfyui.executions())
    deployment.cancel(job_id)
    job = deployment.ended(job_id, CANCELLED)
    assert deployment.comfyui.http.get("/queue").json()["queue_pending"] == []
    stall.clear()
    assert deployment.comfyui.wait_finished(FOREIGN).outcomes == ["success"]
    assert deployment.times_started(job.comfyui_prompt_id or "") == 0


@pytest.mark.usefixtures("worker")
def test_a_job_stays_cancelling_for_as_long_as_its_node_heeds_no_interrupt(deployment: Deployment) -> None:
    stall = deployment.comfyui.fault("stall", step=1)
    job_id = deployment.submit()
    stall.wait_until_struck()
    deployment.comfyui.fault("latency", path="/interrupt", seconds=0, times=2)
    deployment.cancel(job_id)
    until(lambda: deployment.faults() == ["stall"])  # so it was interrupted twice
    assert deployment.job(job_id).status is JobStatus.CANCELLING
    stall.clear()
    deployment.ended(job_id, CANCELLED)


def test_a_cancel_that_redis_did_not_carry_comes_with_the_next_heartbeat(
    deployment: Deployment, worker: RunningWorker
) -> None:
    deployment.comfyui.pace(step_seconds=FOR_EVER)
    job_id = deployment.submit()
    deployment.sampling(job_id)
    deployment.cancel(job_id, carried=False)
    worker.resources.leases.beat()
    deployment.ended(job_id, CANCELLED)


def test_a_cancel_while_files_are_read_leaves_none_behind(deployment: Deployment, worker: RunningWorker) -> None:
    hang = deployment.comfyui.fault("hang_http", path="/view", times=1)
    job_id = deployment.submit(batch_size=3)
    hang.wait_until_struck()
    deployment.cancel(job_id)
    until(lambda: Signal.CANCEL in worker.heard(job_id))
    hang.clear()  # the first file is read again and stored, and only then is the mailbox looked into
    deployment.ended(job_id, CANCELLED)


@pytest.mark.usefixtures("worker")
def test_a_cancel_that_races_the_end_leaves_one_or_the_other(deployment: Deployment) -> None:
    submitted = [deployment.submit(params={"seed": seed}) for seed in range(6)]
    for job_id in submitted:
        prompt_id = deployment.when(job_id, JobStatus.RUNNING, *FINAL).comfyui_prompt_id or ""
        deployment.comfyui.wait_finished(prompt_id)
        deployment.cancel(job_id)
    for job_id in submitted:
        assert deployment.when(job_id, *FINAL).status in {CANCELLED, JobStatus.COMPLETED}


def test_a_job_whose_server_is_gone_is_cancelled_without_it(deployment: Deployment) -> None:
    deployment.comfyui.pace(step_seconds=FOR_EVER)
    with deployment.worker():
        job_id = deployment.submit()
        deployment.sampling(job_id)
        deployment.comfyui.kill()
        deployment.cancel(job_id)
        deployment.ended(job_id, CANCELLED)
    deployment.comfyui.restart()


def test_a_job_in_the_hands_of_nobody_is_cancelled_by_the_next_worker(deployment: Deployment) -> None:
    deployment.comfyui.pace(step_seconds=FOR_EVER)
    job_id = jobs.submitted(deployment.messenger)
    claim = deployment.leave_behind(job_id, sent=True)
    deployment.cancel(job_id)
    with deployment.worker():
        deployment.ended(job_id, CANCELLED)
    assert deployment.comfyui.wait_finished(claim.prompt.id).outcomes == ["interrupted"]
    assert deployment.outcomes(job_id) == [Outcome.EXPIRED, Outcome.CANCELLED]


def test_a_prompt_in_doubt_is_withdrawn_though_nobody_has_looked_for_it_yet(deployment: Deployment) -> None:
    deployment.comfyui.pace(step_seconds=FOR_EVER)
    job_id = jobs.submitted(deployment.messenger)
    left = deployment.leave_behind(job_id, sent=True)
    with deployment.messenger.transaction() as session:
        unreachable = ComfyUIUnreachable(left.prompt.server, "it hung")
        lifecycle.retry(session, left.lease, unreachable, Outcome.IN_DOUBT, timedelta(0))
    assert jobs.claimed(deployment.messenger, deployment.comfyui.url, worker="dies before it looks")
    jobs.silence(deployment.messenger, job_id)
    deployment.cancel(job_id)
    with deployment.worker():
        deployment.ended(job_id, CANCELLED)
    assert deployment.comfyui.wait_finished(left.prompt.id).outcomes == ["interrupted"]
    assert len(deployment.comfyui.executions()) == 1

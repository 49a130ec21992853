"""Whatever ComfyUI does, a job is run again where that is needed, and only there."""

from dataclasses import replace
from typing import Any

import pytest
from sqlmodel import select

from shared.files.folders import attempt_folder
from shared.models import DiscardedFolder, EventType, JobStatus, Outcome
from tests import jobs
from tests.simulator.graphs import noise, submit
from tests.simulator.running import BOTH_AT_LENGTH
from tests.worker_service.deployment import Deployment
from tests.worker_service.running_worker import QUICK, RunningWorker
from tests.worker_service.waiting import until
from worker_service.comfyui.connection import Bounds

pytestmark = BOTH_AT_LENGTH
FOREIGN = "0a1b2c3d-0000-4000-8000-000000000001"


def put_back_with(deployment: Deployment, job_id: int) -> str | None:
    """The error after which the job was put back once."""
    queued = [event for event in jobs.events(deployment.messenger, job_id) if event.type is EventType.QUEUED]
    assert len(queued) == 2
    code: str | None = queued[-1].data["code"]
    return code


def times_run(deployment: Deployment) -> list[int]:
    """How often each prompt that ComfyUI ever accepted was started."""
    return [execution.started for execution in deployment.comfyui.executions().values()]


def test_a_job_is_run_again_when_comfyui_was_killed_and_restarted(
    deployment: Deployment, worker: RunningWorker
) -> None:
    deployment.comfyui.pace(step_seconds=3600)
    job_id = deployment.submit()
    lost = deployment.sampling(job_id)
    deployment.comfyui.kill()
    deployment.comfyui.restart()
    deployment.put_back(job_id)
    worker.look()
    job = deployment.ended(job_id)
    assert put_back_with(deployment, job_id) == "prompt_lost"
    assert deployment.outcomes(job_id) == [Outcome.RETRIED, Outcome.COMPLETED]
    assert job.comfyui_prompt_id != lost
    assert times_run(deployment) == [1, 1]


def test_a_job_waits_for_a_server_that_stays_away(deployment: Deployment, worker: RunningWorker) -> None:
    deployment.comfyui.pace(step_seconds=3600)
    job_id = deployment.submit()
    deployment.sampling(job_id)
    deployment.comfyui.kill()
    deployment.put_back(job_id)
    assert deployment.wakeups.send_missing() == 0, "nothing could start"
    assert deployment.job(job_id).status is JobStatus.QUEUED
    deployment.comfyui.restart()
    worker.look()
    deployment.ended(job_id)
    assert put_back_with(deployment, job_id) == "prompt_lost"


@pytest.mark.parametrize("moment", ["taken", "write", "succeeded"])
def test_a_job_is_run_again_when_comfyui_dies_at(deployment: Deployment, worker: RunningWorker, moment: str) -> None:
    deployment.comfyui.fault("die", at=moment)
    job_id = deployment.submit()
    deployment.comfyui.wait_gone()
    deployment.comfyui.restart()
    deployment.put_back(job_id)
    worker.look()
    deployment.ended(job_id)
    assert deployment.outcomes(job_id)[-1] is Outcome.COMPLETED


def test_a_job_is_run_again_when_the_history_forgot_it(deployment: Deployment, worker: RunningWorker) -> None:
    deployment.comfyui.fault("forget_history", when="written")
    job_id = deployment.submit()
    deployment.put_back(job_id)
    worker.look()
    deployment.ended(job_id)
    assert put_back_with(deployment, job_id) == "prompt_lost"
    assert times_run(deployment) == [1, 1]


@pytest.mark.usefixtures("worker")
def test_a_job_is_not_lost_while_the_history_is_slow_to_know_it(deployment: Deployment) -> None:
    stall = deployment.comfyui.fault("stall", at="succeeded")
    job_id = deployment.submit()
    stall.wait_until_struck()
    deployment.comfyui.fault("latency", path="/history", seconds=0, times=2)
    until(lambda: deployment.faults() == ["stall"])  # so it was looked for, before and after the queue
    assert deployment.job(job_id).status is JobStatus.RUNNING
    stall.clear()
    deployment.ended(job_id)
    assert deployment.outcomes(job_id) == [Outcome.COMPLETED]


@pytest.mark.usefixtures("worker")
def test_a_job_that_was_queued_though_comfyui_answered_500_is_run_once(deployment: Deployment) -> None:
    deployment.comfyui.fault("error_after_queue")
    job = deployment.ended(deployment.submit())
    assert deployment.outcomes(job.id) == [Outcome.COMPLETED]
    assert times_run(deployment) == [1]


def test_a_job_whose_answer_was_lost_is_found_and_run_once(deployment: Deployment, worker: RunningWorker) -> None:
    hang = deployment.comfyui.fault("hang_http", path="/history", times=1)
    deployment.comfyui.fault("error_after_queue")
    job_id = deployment.submit()
    hang.wait_until_struck()
    hang.clear()
    deployment.put_back(job_id)
    worker.look()
    deployment.ended(job_id)
    assert put_back_with(deployment, job_id) == "comfyui_unreachable"
    assert deployment.outcomes(job_id) == [Outcome.IN_DOUBT, Outcome.COMPLETED]
    assert [attempt.adopted for attempt in jobs.attempts(deployment.messenger, job_id)] == [False, True]
    assert times_run(deployment) == [1]


@pytest.mark.parametrize("how", ["503", "500", "drop"])
def test_a_job_that_comfyui_did_not_take_is_tried_again(
    deployment: Deployment, worker: RunningWorker, how: str
) -> None:
    deployment.comfyui.fault("refuse", how=how)
    job_id = deployment.submit()
    deployment.put_back(job_id)
    worker.look()
    deployment.ended(job_id)
    assert put_back_with(deployment, job_id) == "comfyui_unreachable"
    assert deployment.outcomes(job_id) == [Outcome.IN_DOUBT, Outcome.COMPLETED]
    assert times_run(deployment) == [1]


@pytest.mark.usefixtures("worker")
def test_a_job_that_somebody_else_interrupted_is_run_again(deployment: Deployment) -> None:
    deployment.comfyui.pace(step_seconds=3600)
    job_id = deployment.submit()
    deployment.sampling(job_id)
    deployment.comfyui.pace(step_seconds=0)
    deployment.comfyui.http.post("/interrupt")
    deployment.ended(job_id)
    assert put_back_with(deployment, job_id) == "interrupted"
    assert deployment.outcomes(job_id) == [Outcome.RETRIED, Outcome.COMPLETED]


def test_a_job_that_somebody_else_deleted_from_the_queue_is_sent_again(
    deployment: Deployment, worker: RunningWorker
) -> None:
    stall = deployment.comfyui.fault("stall", prompt_id=FOREIGN)
    submit(deployment.comfyui, FOREIGN, noise())
    stall.wait_until_struck()
    job_id = deployment.submit()
    until(lambda: (deployment.job(job_id).comfyui_prompt_id or "") in deployment.comfyui.executions())
    deployment.comfyui.http.post("/queue", json={"clear": True})
    deployment.comfyui.fault("drop_sockets")  # so that it is looked for now, and not seconds later
    deployment.put_back(job_id)
    stall.clear()
    worker.look()
    deployment.ended(job_id)
    assert put_back_with(deployment, job_id) == "prompt_lost"


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ({"kind": "missing_file"}, "output_missing"),
        ({"kind": "half_file", "how": "truncate"}, "output_corrupt"),
    ],
    ids=["missing", "truncated"],
)
def test_a_job_whose_file_is_lost_is_run_again_under_a_new_prompt(
    deployment: Deployment, fault: dict[str, Any], code: str
) -> None:
    deployment.comfyui.fault(**fault)
    job_id = deployment.submit(batch_size=2)
    deployment.ended(job_id)
    assert put_back_with(deployment, job_id) == code
    assert deployment.outcomes(job_id) == [Outcome.RETRIED, Outcome.COMPLETED]
    assert times_run(deployment) == [1, 1]


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize("how", ["short", "broken"])
def test_a_file_that_arrived_damaged_is_read_again_and_not_made_again(deployment: Deployment, how: str) -> None:
    deployment.comfyui.fault("half_file", how=how)
    job_id = deployment.submit()
    deployment.ended(job_id)
    assert deployment.outcomes(job_id) == [Outcome.COMPLETED]
    assert times_run(deployment) == [1]


@pytest.mark.usefixtures("worker")
def test_a_result_that_could_not_be_stored_is_stored_later_without_being_made_again(deployment: Deployment) -> None:
    deployment.folder.parent.mkdir(parents=True, exist_ok=True)
    deployment.folder.write_text("a file where the folder of outputs should be")
    job_id = deployment.submit(batch_size=2)
    deployment.put_back(job_id)
    with deployment.messenger.transaction() as session:
        noted = session.exec(select(DiscardedFolder.folder)).all()
    assert attempt_folder(jobs.job(deployment.messenger, job_id), 1) in noted, "it could not be removed either"
    deployment.folder.unlink()
    deployment.ended(job_id)
    first, *_, last = jobs.attempts(deployment.messenger, job_id)
    assert (first.error_code, first.outcome) == ("storage_unavailable", Outcome.IN_DOUBT)
    assert last.adopted
    assert times_run(deployment) == [1]


def test_a_history_that_trickles_costs_the_attempt_and_not_the_worker(deployment: Deployment) -> None:
    """Each of its bytes comes soon enough for a timeout that begins with each byte."""
    quick = replace(QUICK, run=replace(QUICK.run, unreachable_s=0.5))
    with deployment.worker({"timings": quick}) as worker:
        (client,) = worker.resources.fleet.clients.values()
        client.connection.bounds = Bounds(32 * 1024 * 1024, within_s=0.5)
        trickle = deployment.comfyui.fault("trickle", path="/history/", seconds=600, chunks=2000)
        job_id = deployment.submit()
        deployment.put_back(job_id)
        assert put_back_with(deployment, job_id) == "comfyui_unreachable"
        trickle.clear()
        worker.look()
        deployment.ended(job_id)
    assert times_run(deployment) == [1]

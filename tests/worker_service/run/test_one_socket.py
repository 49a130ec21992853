"""All prompts of a worker on a server share one socket, and no prompt waits for it."""

from collections.abc import Mapping

import pytest
from sqlalchemy import update
from sqlmodel import col

from shared.models import JobAttempt, JobStatus, Outcome
from tests.simulator.listening import listening as listening_under
from tests.simulator.running import BOTH_AT_LENGTH
from tests.worker_service.deployment import Deployment
from tests.worker_service.listener import Listener, at_step
from tests.worker_service.running_worker import RunningWorker
from tests.worker_service.waiting import until

pytestmark = BOTH_AT_LENGTH
OF_A_JOB = ("POST /prompt", "GET /history", "GET /view", "POST /history", "GET /ws", "POST /queue", "POST /interrupt")


def asked_since(deployment: Deployment, before: Mapping[str, int]) -> dict[str, int]:
    """The requests of jobs, and those for the queue beyond what probes ask: they ask for the system with each."""
    new = {kind: count - before.get(kind, 0) for kind, count in deployment.requests().items()}
    queue = new.get("GET /queue", 0) - new.get("GET /system_stats", 0)
    found = {kind: new.get(kind, 0) for kind in OF_A_JOB} | {"GET /queue": max(queue, 0)}
    return {kind: count for kind, count in found.items() if count}


def one_more(deployment: Deployment, seed: int) -> dict[str, int]:
    """The requests of one job, its last one included: its prompt is forgotten after it has ended."""
    before = deployment.requests()
    deployment.ended(deployment.submit(params={"seed": seed}))
    until(lambda: asked_since(deployment, before).get("POST /history"))
    return asked_since(deployment, before)


@pytest.mark.usefixtures("listening")
def test_a_plain_job_costs_four_requests_and_no_socket(deployment: Deployment) -> None:
    plain = {"POST /prompt": 1, "GET /history": 1, "GET /view": 1, "POST /history": 1}
    assert [one_more(deployment, seed) for seed in range(3)] == [plain] * 3


@pytest.mark.usefixtures("listening")
def test_a_history_that_is_written_late_is_asked_for_alone(deployment: Deployment) -> None:
    deployment.comfyui.pace(history_seconds=0.3)
    asked = one_more(deployment, 1)
    assert 1 < asked.pop("GET /history") <= 5
    assert asked == {"POST /prompt": 1, "GET /view": 1, "POST /history": 1}


def test_many_jobs_at_once_share_one_socket(deployment: Deployment) -> None:
    with deployment.worker(COMFYUI_SLOTS="3", WORKER_THREADS="3") as worker:
        submitted = [deployment.submit(params={"seed": seed}) for seed in range(6)]
        for job_id in submitted:
            deployment.ended(job_id)
        until(lambda: deployment.sockets() == [worker.resources.jobs.run.sockets.client_id])
        assert deployment.requests()["GET /ws"] == 1
    until(lambda: deployment.sockets() == [])


@pytest.mark.usefixtures("worker")
def test_a_prompt_is_sent_though_its_socket_does_not_open_yet(deployment: Deployment) -> None:
    hang = deployment.comfyui.fault("hang_http", path="/ws")
    job_id = deployment.submit()
    hang.wait_until_struck()
    deployment.ended(job_id)
    hang.clear()
    assert deployment.outcomes(job_id) == [Outcome.COMPLETED]


def test_a_socket_whose_place_was_taken_is_opened_again(
    deployment: Deployment, listening: RunningWorker, listener: Listener
) -> None:
    with listening_under(deployment.comfyui, listening.resources.jobs.run.sockets.client_id):
        pass
    until(lambda: deployment.sockets() == [])  # the worker's is open, and hears nothing
    stalls = [deployment.comfyui.fault("stall", step=step) for step in (1, 2)]
    job_id = deployment.submit(steps=3)
    stalls[0].wait_until_struck()
    until(lambda: deployment.sockets() == [deployment.client_id(job_id)])
    stalls[0].clear()
    listener.until(job_id, at_step(2))
    stalls[1].clear()
    deployment.ended(job_id)
    assert deployment.outcomes(job_id) == [Outcome.COMPLETED]


def test_a_socket_that_missed_a_whole_prompt_is_opened_again(deployment: Deployment, listening: RunningWorker) -> None:
    with listening_under(deployment.comfyui, listening.resources.jobs.run.sockets.client_id):
        pass
    until(lambda: deployment.sockets() == [])
    job_id = deployment.submit()
    deployment.ended(job_id)
    until(lambda: deployment.sockets() == [deployment.client_id(job_id)])


def test_a_prompt_whose_sender_lives_is_heard_of_when_its_own_socket_is_silent(
    deployment: Deployment, listener: Listener
) -> None:
    """The sender's other prompts are not to fall silent for it, until nobody seems to be told of this one."""
    stalls = [deployment.comfyui.fault("stall", step=step) for step in (1, 2)]
    with deployment.worker():
        job_id = deployment.submit(steps=3)
        stalls[0].wait_until_struck()
    with deployment.messenger.transaction() as session:  # as if it had put the job back, and gone on with others
        session.exec(update(JobAttempt).where(col(JobAttempt.job_id) == job_id).values(outcome=Outcome.IN_DOUBT))
    with deployment.worker():
        deployment.until(job_id, lambda job: job.attempt == 2 and job.status is JobStatus.RUNNING)
        until(lambda: deployment.sockets() == [deployment.client_id(job_id)])
        stalls[0].clear()
        listener.until(job_id, at_step(2, attempt=2))
        stalls[1].clear()
        deployment.ended(job_id)
    until(lambda: deployment.sockets() == [])

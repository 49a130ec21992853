"""A prompt that ends its server's thread is found out, others go elsewhere, and a long silent node is left alone."""

from typing import Any

import pytest

from shared.fleet import servers
from shared.jobs.errors import Poison
from shared.models import JobStatus, Outcome
from tests import jobs
from tests.simulator.graphs import Graph, node, noise, submit
from tests.simulator.running import BOTH_AT_LENGTH, RunningSimulator
from tests.worker_service.deployment import Deployment
from tests.worker_service.running_worker import RunningWorker
from tests.worker_service.waiting import until
from worker_service.fleet.records import prompts_of_jobs

FOREIGN = "0a1b2c3d-0000-4000-8000-000000000001"
TOLD = ("surrogate", "keyboard_interrupt")  # the server's log tells of these, in two ways
TOLD_ALIKE = [pytest.param(what, marks=pytest.mark.long) for what in ("unprintable", "base_exception")]


@pytest.fixture
def environ(environ: dict[str, str], simulator: RunningSimulator, another: RunningSimulator) -> dict[str, str]:
    return {**environ, "COMFYUI_URLS": f"{simulator.url},{another.url}"}


def deadly(what: str) -> Graph:
    return {"1": node("SimulatedRaise", what=what, megabytes=0)}


def waiting(seconds: float) -> Graph:
    """A node that says nothing and heeds nothing for so long."""
    return {"1": node("SimulatedWait", steps=1, seconds=seconds, heeds=False)}


def submitted(deployment: Deployment, graph: Graph) -> int:
    return deployment.submit(workflow=graph, checkpoint_model=None)


def drained(deployment: Deployment, name: str, *, drain: bool) -> None:
    with deployment.messenger.transaction() as session:
        (servers.drain if drain else servers.resume)(session, name)


def looked(worker: RunningWorker, deployment: Deployment, job_id: int, status: JobStatus) -> Any:
    """The job once it has that status. Meanwhile its worker looks, as it does every few seconds."""

    def reached() -> bool:
        worker.look()
        worker.look_at_prompts()
        deployment.wakeups.send_missing()
        return deployment.job(job_id).status is status

    until(reached, lambda: deployment.story(job_id))
    return deployment.job(job_id)


@BOTH_AT_LENGTH
@pytest.mark.parametrize("what", [*TOLD, *TOLD_ALIKE])
def test_a_job_that_ends_the_threads_of_two_servers_is_poison_and_both_work_again(
    deployment: Deployment, worker: RunningWorker, another: RunningSimulator, what: str
) -> None:
    job_id = submitted(deployment, deadly(what))
    job = looked(worker, deployment, job_id, JobStatus.FAILED)
    assert (job.error_code, job.error_details) == (Poison.code, {"deaths": 2, "of": "server"})
    assert deployment.outcomes(job_id) == [Outcome.RETRIED, Outcome.FAILED]
    first = jobs.attempts(deployment.messenger, job_id)[0]
    assert (first.error_code, (first.error_details or {})["was_running"]) == ("server_wedged", True)
    for comfyui in (deployment.comfyui, another):
        until(lambda comfyui=comfyui: deployment.server(comfyui.url).wedged_since)  # type: ignore[misc]
        comfyui.restart()
    worker.look()
    assert [deployment.server(comfyui.url).wedged_since for comfyui in (deployment.comfyui, another)] == [None, None]
    deployment.ended(deployment.submit())


@BOTH_AT_LENGTH
def test_a_thread_that_ended_without_a_trace_is_found_when_its_prompt_stalls(deployment: Deployment) -> None:
    with deployment.worker(STALL_TIMEOUT="1s") as worker:
        job = looked(worker, deployment, submitted(deployment, deadly("system_exit")), JobStatus.FAILED)
    assert (job.error_code, job.error_details) == (Poison.code, {"deaths": 2, "of": "server"})
    assert deployment.server().probes["log"]["outcome"] == "passed", "it says nothing"


@BOTH_AT_LENGTH
def test_a_long_silent_node_is_no_dead_thread(deployment: Deployment, worker: RunningWorker) -> None:
    job_id = submitted(deployment, waiting(4.0))
    job = looked(worker, deployment, job_id, JobStatus.COMPLETED)
    found = deployment.server(job.server)
    assert (found.wedged_since, found.probes["log"]["outcome"]) == (None, "passed")
    assert deployment.outcomes(job_id) == [Outcome.COMPLETED]


@BOTH_AT_LENGTH
def test_a_job_behind_somebody_elses_dead_prompt_runs_elsewhere(
    deployment: Deployment, worker: RunningWorker, another: RunningSimulator
) -> None:
    drained(deployment, another.url, drain=True)
    submit(deployment.comfyui, FOREIGN, deadly("surrogate"))
    until(lambda: not deployment.comfyui.worker_alive)
    job_id = deployment.submit(max_attempts=1)
    deployment.until(job_id, lambda job: job.attempt)
    drained(deployment, another.url, drain=False)
    job = looked(worker, deployment, job_id, JobStatus.COMPLETED)
    assert job.server == another.url
    assert deployment.server().wedged_since
    first, second = jobs.attempts(deployment.messenger, job_id)
    assert (first.error_code, (first.error_details or {})["only_waited"]) == ("server_wedged", True)
    assert (job.retries, second.outcome) == (0, Outcome.COMPLETED), "its only attempt was not used up by the wait"


def test_a_job_behind_a_silent_prompt_goes_to_an_idle_server_in_the_same_attempt(
    deployment: Deployment, another: RunningSimulator
) -> None:
    stall = deployment.comfyui.fault("stall", prompt_id="foreign")
    submit(deployment.comfyui, "foreign", noise())
    stall.wait_until_struck()
    with deployment.worker() as worker:
        drained(deployment, another.url, drain=True)
        job_id = deployment.submit()
        deployment.until(job_id, lambda job: job.attempt)
        drained(deployment, another.url, drain=False)
        job = looked(worker, deployment, job_id, JobStatus.COMPLETED)
        found = deployment.server()
    assert (job.server, job.retries, deployment.outcomes(job_id)) == (another.url, 0, [Outcome.COMPLETED])
    assert (found.wedged_since, found.foreign_prompts) == (None, 1), "it may be well"
    assert found.stuck_since
    stall.clear()
    assert deployment.comfyui.wait_finished("foreign").outcomes == ["success"]


def test_prompts_of_ended_jobs_are_not_taken_for_those_of_others(
    deployment: Deployment, another: RunningSimulator
) -> None:
    with deployment.worker():
        job = deployment.ended(deployment.submit())
    assert prompts_of_jobs(deployment.messenger.engine, ["foreign", str(job.comfyui_prompt_id)]) == {
        job.comfyui_prompt_id
    }
    assert prompts_of_jobs(deployment.messenger.engine, []) == set()
    assert prompts_of_jobs(deployment.messenger.engine, ["x"] * 100_000) == set()


def test_a_job_is_given_to_the_server_with_fewer_prompts_of_others(
    deployment: Deployment, another: RunningSimulator
) -> None:
    first, second = sorted((deployment.comfyui, another), key=lambda comfyui: comfyui.url)
    stall = first.fault("stall")
    for number in range(3):
        submit(first, f"foreign-{number}", noise())
    stall.wait_until_struck()
    with deployment.worker() as worker:
        worker.look()
        assert deployment.server(first.url).foreign_prompts == 3
        assert [deployment.ended(deployment.submit()).server for _ in range(2)] == [second.url] * 2
    stall.clear()

"""A server that answers and runs nothing is found out, and what it holds runs elsewhere."""

import time
from pathlib import Path

import pytest

from shared.fleet import servers
from shared.models import EventType, JobStatus, Outcome
from tests import jobs
from tests.simulator.graphs import noise, submit
from tests.simulator.running import RunningSimulator
from tests.worker_service.deployment import Deployment
from tests.worker_service.running_worker import RunningWorker
from tests.worker_service.waiting import until
from worker_service.comfyui.answers import Queue
from worker_service.fleet.wedge import CANARY, PROBES, WedgeDetector

STALL_TIMEOUT_S = 0.5
STALL_TIMEOUT = f"{STALL_TIMEOUT_S}s"
IDLE = Queue((), ())
QUIET = Queue((), ("a", "b"))  # nothing runs, and two wait


@pytest.fixture
def environ(environ: dict[str, str], simulator: RunningSimulator, another: RunningSimulator) -> dict[str, str]:
    return {**environ, "COMFYUI_URLS": f"{simulator.url},{another.url}"}


def submitted_to_the_first(deployment: Deployment) -> int:
    """A job that the first server has been given: until then the other one is drained."""
    _first, other = deployment.settings.comfyui_urls
    with deployment.messenger.transaction() as session:
        servers.drain(session, other)
    job_id = deployment.submit()
    deployment.until(job_id, lambda job: job.attempt)
    with deployment.messenger.transaction() as session:
        servers.resume(session, other)
    return job_id


def put_back_with(deployment: Deployment, job_id: int) -> list[str]:
    queued = [event for event in jobs.events(deployment.messenger, job_id) if event.type is EventType.QUEUED]
    return [event.data["code"] for event in queued[1:]]


def waiting_on_a_dead_thread(deployment: Deployment) -> int:
    """A job in the queue of a server that runs nothing any more, while there is another server."""
    deployment.comfyui.fault("kill_worker")
    job_id = submitted_to_the_first(deployment)
    until(lambda: (deployment.job(job_id).comfyui_prompt_id or "") in deployment.comfyui.executions())
    until(lambda: not deployment.comfyui.worker_alive)
    return job_id


def found_out(worker: RunningWorker) -> None:
    for _ in range(PROBES):
        worker.look()
    worker.look_at_prompts()


def stalled(worker: RunningWorker, deployment: Deployment, job_id: int) -> None:
    """Return once the worker has given up the job's prompt, which it looks at all the time."""

    def given_up() -> bool:
        worker.look_at_prompts()
        return deployment.outcomes(job_id)[0] is not None

    until(given_up, lambda: deployment.story(job_id))


def works_again(worker: RunningWorker, deployment: Deployment) -> bool:
    """Whether the first server does, at another look; our small prompt may take its time."""
    worker.look()
    return deployment.server().wedged_since is None


def pending(deployment: Deployment) -> list[str]:
    return [entry[1] for entry in deployment.comfyui.http.get("/queue").json()["queue_pending"]]


def test_its_jobs_are_moved_and_it_gets_no_more_until_it_is_restarted(
    deployment: Deployment, worker: RunningWorker, another: RunningSimulator
) -> None:
    job_id = waiting_on_a_dead_thread(deployment)
    found_out(worker)
    moved = [job_id, deployment.submit()]
    assert {deployment.ended(job_id).server for job_id in moved} == {another.url}
    assert put_back_with(deployment, job_id) == ["server_wedged"]
    assert deployment.outcomes(job_id) == [Outcome.RETRIED, Outcome.COMPLETED]
    assert (
        deployment.comfyui.executions()[jobs.attempts(deployment.messenger, job_id)[0].comfyui_prompt_id].started == 0
    )
    for _ in range(2):
        worker.look()
        assert deployment.server().wedged_since, "its queue is empty of jobs, and yet it is"
    assert len(pending(deployment)) == 1
    deployment.comfyui.restart()
    worker.look()
    back = deployment.server()
    assert (back.wedged_since, back.problem) == (None, None)
    assert deployment.ended(submitted_to_the_first(deployment)).server == deployment.comfyui.url


def test_another_worker_hears_of_it_and_moves_its_jobs_too(
    deployment: Deployment, worker: RunningWorker, another: RunningSimulator
) -> None:
    waits = waiting_on_a_dead_thread(deployment)
    with deployment.worker() as second:
        found_out(second)
        worker.look()
        worker.look_at_prompts()
        assert deployment.ended(waits).server == another.url


def test_a_job_that_is_adopted_from_it_is_moved(deployment: Deployment, another: RunningSimulator) -> None:
    with deployment.worker() as first:
        job_id = waiting_on_a_dead_thread(deployment)
        first.stop()
    with deployment.worker() as second:
        found_out(second)
        assert deployment.ended(job_id).server == another.url
    assert deployment.outcomes(job_id) == [Outcome.RELEASED, Outcome.RETRIED, Outcome.COMPLETED]


def test_the_restart_command_runs_once_with_the_url(
    deployment: Deployment, another: RunningSimulator, tmp_path: Path
) -> None:
    said = tmp_path / "restarted"
    command = {"COMFYUI_RESTART_COMMAND": f"sh -c 'echo \"$COMFYUI_URL\" >> {said}'"}
    with deployment.worker(**command) as first, deployment.worker(**command) as second:
        job_id = waiting_on_a_dead_thread(deployment)
        found_out(first)
        found_out(second)
        until(said.exists)
        deployment.ended(job_id)
    until(lambda: said.read_text() == f"{deployment.comfyui.url}\n", said.read_text)


def test_a_restart_command_that_does_not_exist_harms_nothing(deployment: Deployment, another: RunningSimulator) -> None:
    with deployment.worker(COMFYUI_RESTART_COMMAND="/nonexistent/command") as worker:
        job_id = waiting_on_a_dead_thread(deployment)
        found_out(worker)
        deployment.ended(job_id)


def test_one_that_only_seemed_so_runs_our_small_prompt_and_is_well_again(deployment: Deployment) -> None:
    url = deployment.comfyui.url
    worker = RunningWorker(deployment.environ)  # not started, so that nobody looks but this test
    worker.look()
    worker.resources.fleet.record_wedge(url, "so it seemed")
    assert deployment.server(url).problem == "so it seemed"
    until(lambda: works_again(worker, deployment))
    worker.close()
    assert {prompt_id.startswith(CANARY) for prompt_id in deployment.comfyui.executions()} == {True}


def test_a_stalled_prompt_is_interrupted_and_its_job_runs_elsewhere(
    deployment: Deployment, another: RunningSimulator
) -> None:
    deployment.comfyui.pace(step_seconds=3600)
    with deployment.worker(STALL_TIMEOUT=STALL_TIMEOUT) as worker:
        job_id = submitted_to_the_first(deployment)
        stalled(worker, deployment, job_id)
        assert deployment.ended(job_id).server == another.url
    assert put_back_with(deployment, job_id) == ["stalled"]
    prompt_id = jobs.attempts(deployment.messenger, job_id)[0].comfyui_prompt_id
    assert deployment.comfyui.wait_finished(prompt_id).outcomes == ["interrupted"]
    assert deployment.server().wedged_since is None


def test_a_stalled_prompt_that_heeds_no_interrupt_makes_its_server_wedged(
    deployment: Deployment, another: RunningSimulator
) -> None:
    stall = deployment.comfyui.fault("stall", step=1)
    with deployment.worker(STALL_TIMEOUT=STALL_TIMEOUT) as worker:
        job_id = submitted_to_the_first(deployment)
        stall.wait_until_struck()
        stalled(worker, deployment, job_id)
        assert deployment.ended(job_id).server == another.url
        worker.look()
        assert deployment.server().wedged_since, "it is still running there"
        stall.clear()
        deployment.comfyui.wait_finished(jobs.attempts(deployment.messenger, job_id)[0].comfyui_prompt_id)
        until(lambda: works_again(worker, deployment))


def test_a_prompt_that_waits_behind_a_long_one_has_not_stalled(deployment: Deployment) -> None:
    stall = deployment.comfyui.fault("stall", prompt_id="foreign")
    submit(deployment.comfyui, "foreign", noise())
    stall.wait_until_struck()
    with deployment.worker(STALL_TIMEOUT=STALL_TIMEOUT, COMFYUI_URLS=deployment.comfyui.url) as worker:
        job_id = deployment.submit()
        deployment.when(job_id, JobStatus.RUNNING)
        for _ in range(3):
            time.sleep(1.2 * STALL_TIMEOUT_S)
            looks = deployment.comfyui.fault("latency", path="/history", seconds=0, times=2)  # each look asks twice
            worker.look_at_prompts()
            until(lambda: "latency" not in deployment.faults())
            looks.clear()
        assert worker.resources.leases.by_holder()
        stall.clear()
        deployment.ended(job_id)
    assert deployment.outcomes(job_id) == [Outcome.COMPLETED]


def test_a_cancelled_prompt_that_heeds_nothing_makes_its_server_wedged(deployment: Deployment) -> None:
    stall = deployment.comfyui.fault("stall", step=1)
    with deployment.worker(STALL_TIMEOUT=STALL_TIMEOUT, COMFYUI_URLS=deployment.comfyui.url):
        job_id = deployment.submit()
        stall.wait_until_struck()
        deployment.cancel(job_id)
        deployment.ended(job_id, JobStatus.CANCELLED)
        assert deployment.server().wedged_since
    stall.clear()


def test_memory_is_freed_where_it_ran_out_and_the_job_runs_elsewhere(
    deployment: Deployment, worker: RunningWorker, another: RunningSimulator
) -> None:
    stall = deployment.comfyui.fault("stall", step=1)  # until the other server gets jobs again
    deployment.comfyui.fault("out_of_memory", step=2)
    deployment.comfyui.fault("latency", path="/free", seconds=0, times=1)
    job_id = submitted_to_the_first(deployment)
    stall.clear()
    assert deployment.ended(job_id).server == another.url
    assert put_back_with(deployment, job_id) == ["out_of_memory"]
    assert deployment.faults() == [], "it was asked to free its memory"


def test_an_instant_between_two_prompts_is_no_sign() -> None:
    detector = WedgeDetector()
    moving = [Queue((), (str(number), "last")) for number in range(10)]
    assert not any(detector.sees_wedge(queue) for queue in moving)
    busy = Queue(("z",), ("a",))
    assert not any(detector.sees_wedge(queue) for queue in [QUIET, QUIET, busy, QUIET, QUIET, IDLE, QUIET, QUIET])


def test_the_same_prompt_waiting_at_each_look_while_nothing_runs_is() -> None:
    assert [WedgeDetector().sees_wedge(QUIET), WedgeDetector().sees_wedge(IDLE)] == [False, False]
    detector = WedgeDetector()
    assert [detector.sees_wedge(QUIET) for _ in range(PROBES)] == [False] * (PROBES - 1) + [True]
    detector = WedgeDetector()
    pushed_in = Queue((), ("front", "a"))
    assert [detector.sees_wedge(queue) for queue in (QUIET, pushed_in, pushed_in)][-1]

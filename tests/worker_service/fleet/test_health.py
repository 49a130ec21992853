"""Several servers share the jobs, one that does not answer gets none, and one that is unknown does no harm."""

import pytest

from shared.models import JobStatus, Outcome
from tests import jobs
from tests.simulator.running import RunningSimulator
from tests.worker_service.deployment import Deployment
from tests.worker_service.waiting import until

NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
def environ(environ: dict[str, str], simulator: RunningSimulator, another: RunningSimulator) -> dict[str, str]:
    return {**environ, "COMFYUI_URLS": f"{simulator.url},{another.url}", "COMFYUI_SLOTS": "1"}


def test_two_servers_share_the_jobs(deployment: Deployment, another: RunningSimulator) -> None:
    for comfyui in (deployment.comfyui, another):
        comfyui.pace(step_seconds=3600)
    with deployment.worker():
        first, second = deployment.submit(), deployment.submit()
        running = [deployment.until(job_id, lambda job: job.status is JobStatus.RUNNING) for job_id in (first, second)]
        waiting = deployment.submit()
        assert {job.server for job in running} == {deployment.comfyui.url, another.url}
        assert deployment.job(waiting).status is JobStatus.QUEUED, "each has a single slot"
        for comfyui in (deployment.comfyui, another):
            comfyui.pace(step_seconds=0)
            comfyui.http.post("/interrupt")
        for job_id in (first, second, waiting):
            deployment.ended(job_id)


def test_a_dead_server_gets_no_job_and_its_jobs_go_to_the_other(
    deployment: Deployment, another: RunningSimulator
) -> None:
    another.pace(step_seconds=3600)
    stall = deployment.comfyui.fault("stall", step=1)
    with deployment.worker() as worker:
        submitted = [deployment.submit(), deployment.submit()]
        for job_id in submitted:
            deployment.until(job_id, lambda job: job.status is JobStatus.RUNNING)
        another.kill()
        stall.clear()
        worker.look()
        submitted += [deployment.submit() for _ in range(3)]
        ended = [deployment.ended(job_id) for job_id in submitted]
        worker.look()  # the last word so far may be that of the job which was lost there
    assert {job.server for job in ended} == {deployment.comfyui.url}
    dead = deployment.server(another.url)
    assert dead.unreachable_since is not None
    assert "refused" in (dead.problem or "")


def test_a_server_that_comes_back_is_given_jobs_again(deployment: Deployment, another: RunningSimulator) -> None:
    deployment.comfyui.kill()
    another.kill()
    with deployment.worker() as worker:
        first_seen = deployment.server(another.url).unreachable_since
        worker.look()
        assert deployment.server(another.url).unreachable_since == first_seen, "since when, not the last look"
        job_id = deployment.submit()
        another.restart()
        worker.look()
        assert deployment.ended(job_id).server == another.url
    back = deployment.server(another.url)
    assert (back.unreachable_since, back.problem, back.version) == (None, None, "0.8.0")
    deployment.comfyui.restart()


def test_a_prompt_on_a_server_that_this_worker_does_not_know_is_left_for_a_while_and_then_made_anew(
    deployment: Deployment, another: RunningSimulator
) -> None:
    job_id = jobs.submitted(deployment.messenger)
    left = deployment.leave_behind(job_id)
    known = deployment.comfyui.url if left.prompt.server == another.url else another.url
    with deployment.worker(COMFYUI_URLS=known):
        assert deployment.wakeups.send_missing() == 1
        until(lambda: deployment.messages() == (0, 0))
        assert deployment.job(job_id).attempt == 1
        jobs.silence(deployment.messenger, job_id, seconds=61)
        deployment.ended(job_id)
    assert deployment.outcomes(job_id) == [Outcome.EXPIRED, Outcome.IN_DOUBT, Outcome.COMPLETED]


def test_a_server_is_known_by_its_url_without_its_password(deployment: Deployment) -> None:
    url = deployment.comfyui.url.replace("http://", "http://user:geheim@")
    with deployment.worker(COMFYUI_URLS=url):
        job = deployment.ended(deployment.submit())
    assert job.server == deployment.comfyui.url


def test_a_server_below_a_path_is_reached_there(deployment: Deployment) -> None:
    with deployment.worker(COMFYUI_URLS=f"{deployment.comfyui.url}/api"):
        job = deployment.ended(deployment.submit())
    assert job.server == f"{deployment.comfyui.url}/api"

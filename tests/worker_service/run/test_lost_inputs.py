"""What a server refuses or loses is given once more, or the job goes to another; what the store lacks is waited for."""

import pytest
from PIL import ImageOps
from starlette.testclient import TestClient

from shared.files.server_names import FOLDER
from shared.models import Outcome
from tests import jobs
from tests.api_service.assets.assets import uploaded
from tests.simulator.running import RunningSimulator
from tests.worker_service.deployment import Deployment
from tests.worker_service.run.inputs import client, environ, inverting, noise, only, picture, png, reference, stored
from tests.worker_service.run.test_submitted_jobs import post
from tests.worker_service.running_worker import RunningWorker
from tests.worker_service.waiting import until

__all__ = ["client", "environ", "only"]


@pytest.mark.parametrize("status", [413, 500])
def test_a_server_that_refuses_an_upload_is_left_for_another(
    client: TestClient, deployment: Deployment, another: RunningSimulator, worker: RunningWorker, status: int
) -> None:
    asset = uploaded(client, png(noise()))
    servers = {server.url: server for server in (deployment.comfyui, another)}
    refusals = {url: server.fault("refuse_upload", status=status, times=None) for url, server in servers.items()}
    job_id = post(client, prefer="", workflow=inverting(reference(asset)))["id"]
    until(lambda: jobs.attempts(deployment.messenger, job_id), lambda: deployment.story(job_id))
    first = jobs.attempts(deployment.messenger, job_id)[0].server
    for url in servers.keys() - {first}:
        refusals[url].clear()
    job = deployment.ended(job_id)
    assert job.server != first
    assert deployment.outcomes(job_id) == [Outcome.RETRIED, Outcome.COMPLETED]


@pytest.mark.usefixtures("only")
def test_a_file_that_a_server_loses_at_once_is_sent_once_more(
    client: TestClient, deployment: Deployment, worker: RunningWorker
) -> None:
    asset = uploaded(client, png(noise()))
    deployment.comfyui.fault("lose_upload")
    job = post(client, workflow=inverting(reference(asset)))
    assert picture(client, job).tobytes() == ImageOps.invert(noise()).tobytes()
    assert deployment.outcomes(job["id"]) == [Outcome.COMPLETED]


@pytest.mark.usefixtures("only")
def test_a_server_that_loses_it_again_is_at_fault(
    client: TestClient, deployment: Deployment, worker: RunningWorker
) -> None:
    asset = uploaded(client, png(noise()))
    deployment.comfyui.fault("lose_upload", times=2)
    job = post(client, workflow=inverting(reference(asset)))
    picture(client, job)
    attempts = jobs.attempts(deployment.messenger, job["id"])
    assert [(one.outcome, one.error_code) for one in attempts] == [
        (Outcome.RETRIED, "upload_failed"),
        (Outcome.COMPLETED, None),
    ]


@pytest.mark.usefixtures("only")
def test_a_file_that_goes_between_two_jobs_is_sent_again(
    client: TestClient, deployment: Deployment, worker: RunningWorker
) -> None:
    asset = uploaded(client, png(noise()))
    picture(client, post(client, workflow=inverting(reference(asset))))
    for name in stored(deployment.comfyui):
        (deployment.comfyui.input_directory / FOLDER / name).unlink()
    job = post(client, workflow=inverting(reference(asset)))
    picture(client, job)
    assert deployment.outcomes(job["id"]) == [Outcome.COMPLETED]


@pytest.mark.usefixtures("only")
def test_a_file_that_goes_while_its_prompt_waits_is_the_servers_fault(
    client: TestClient, deployment: Deployment, worker: RunningWorker
) -> None:
    asset = uploaded(client, png(noise()))
    held = deployment.comfyui.fault("stall", at="taken")
    job_id = post(client, prefer="", workflow=inverting(reference(asset)))["id"]
    held.wait_until_struck()
    (name,) = stored(deployment.comfyui)
    (deployment.comfyui.input_directory / FOLDER / name).unlink()
    held.clear()
    deployment.ended(job_id)
    codes = [one.error_code for one in jobs.attempts(deployment.messenger, job_id)]
    assert codes == ["upload_failed", None]


def test_a_file_that_is_missing_from_the_store_is_waited_for(client: TestClient, deployment: Deployment) -> None:
    asset = uploaded(client, png(noise()))
    (file,) = (path for path in deployment.folder.rglob("*") if path.is_file())
    content = file.read_bytes()
    with deployment.worker() as worker:
        file.unlink()
        job_id = post(client, prefer="", workflow=inverting(reference(asset)))["id"]
        job = deployment.put_back(job_id)
        assert (job.retries, job.storage_away_since is not None) == (0, True)
        assert worker.resources.jobs.run.storage.problem() is None, "the store itself is there"
        file.write_bytes(content)
        deployment.ended(job_id)

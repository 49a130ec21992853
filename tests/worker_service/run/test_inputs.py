"""An asset that a job takes comes to whichever server runs it, is used there, and is let go at the job's end."""

import pytest
from PIL import ImageOps
from starlette.testclient import TestClient

from shared.models import JobStatus
from tests.api_service.assets.assets import ASSETS, uploaded
from tests.simulator.running import BOTH, RunningSimulator
from tests.worker_service.deployment import Deployment
from tests.worker_service.run.inputs import client, environ, inverting, noise, only, picture, png, reference, stored
from tests.worker_service.run.test_submitted_jobs import URL, post
from tests.worker_service.running_worker import RunningWorker

__all__ = ["client", "environ", "only"]


@BOTH
@pytest.mark.parametrize("named", ["by a reference", "by its name"])
def test_an_uploaded_picture_comes_back_inverted_pixel_for_pixel(
    client: TestClient, worker: RunningWorker, named: str
) -> None:
    asset = uploaded(client, png(noise()))
    given = reference(asset) if named == "by a reference" else asset["name"]
    job = post(client, workflow=inverting(given))
    assert picture(client, job).tobytes() == ImageOps.invert(noise()).tobytes()
    assert job["workflow"]["1"]["inputs"]["image"] == given, "the row keeps what was sent"
    assert job["assets"] == {"1": {"image": asset["id"]}}
    assert client.delete(f"{ASSETS}/{asset['id']}").status_code == 204, "it has ended"


@pytest.mark.usefixtures("only")
def test_one_upload_serves_two_jobs_and_two_names(
    client: TestClient, deployment: Deployment, worker: RunningWorker
) -> None:
    first, second = (uploaded(client, png(noise()), name) for name in ("a.png", "b.png"))
    picture(client, post(client, workflow=inverting(reference(first))))
    # Whoever asks for the file now is told that it is not there, and whoever sends it is refused.
    deployment.comfyui.fault("refuse_upload", times=None)
    deployment.comfyui.fault("missing_file", times=None, path="/view?filename=" + first["hash"].removeprefix("blake3:"))
    picture(client, post(client, workflow=inverting(second["name"])))
    assert stored(deployment.comfyui) == [f"{first['hash'].removeprefix('blake3:')}.png"]


@pytest.mark.usefixtures("only")
def test_a_worker_that_knows_nothing_asks_before_it_sends(client: TestClient, deployment: Deployment) -> None:
    asset = uploaded(client, png(noise()))
    with deployment.worker():
        picture(client, post(client, workflow=inverting(reference(asset))))
    deployment.comfyui.fault("refuse_upload", times=None)
    with deployment.worker():
        picture(client, post(client, workflow=inverting(reference(asset))))


def test_jobs_on_two_servers_each_have_the_file(
    client: TestClient, deployment: Deployment, another: RunningSimulator, worker: RunningWorker
) -> None:
    asset = uploaded(client, png(noise()))
    held = [server.fault("stall", node="ImageInvert") for server in (deployment.comfyui, another)]
    body = post(client, "bulk", prefer="", jobs=[{"workflow": inverting(reference(asset))}] * 2)
    for fault in held:
        fault.wait_until_struck()
        fault.clear()
    found = {deployment.ended(job["id"]).server for job in body["jobs"]}
    assert found == {deployment.comfyui.url, another.url}
    assert stored(deployment.comfyui) == stored(another) != []


def test_a_job_that_moves_takes_its_input_along(
    client: TestClient, deployment: Deployment, another: RunningSimulator
) -> None:
    servers = {server.url: server for server in (deployment.comfyui, another)}
    asset = uploaded(client, png(noise()))
    with deployment.worker() as worker:
        held = {url: server.fault("stall", node="ImageInvert") for url, server in servers.items()}
        first = [post(client, prefer="", workflow=inverting(reference(asset)))["id"] for _ in servers]
        for fault in held.values():
            fault.wait_until_struck()
        other = uploaded(client, png(noise(2)), "other.png")
        waiting = post(client, prefer="", workflow=inverting(reference(other)))["id"]
        where = deployment.when(waiting, JobStatus.RUNNING).server
        (free,) = (url for url in servers if url != where)
        held[free].clear()
        worker.until(lambda: deployment.job(waiting).status is JobStatus.COMPLETED)
        held[where or ""].clear()
        for job_id in first:
            deployment.ended(job_id)
    assert deployment.job(waiting).server == free
    assert len(stored(servers[free])) == 2


def test_while_it_waits_its_asset_is_not_deleted(client: TestClient, deployment: Deployment) -> None:
    asset = uploaded(client, png(noise()))
    body = post(client, prefer="", workflow=inverting(asset["name"]), delay_seconds=3600)
    response = client.delete(f"{ASSETS}/{asset['id']}")
    assert (response.status_code, response.json()["code"]) == (409, "asset_in_use")
    client.post(f"{URL}{body['id']}/cancel")
    assert client.delete(f"{ASSETS}/{asset['id']}").status_code == 204


def test_a_retry_takes_the_same_asset_though_another_has_its_name_now(
    client: TestClient, worker: RunningWorker
) -> None:
    asset = uploaded(client, png(noise()))
    first = post(client, workflow=inverting(asset["name"]))
    other = uploaded(client, png(noise(2)))
    assert other["name"] == asset["name"]
    again = post(client, f"{first['id']}/retry")
    assert picture(client, again).tobytes() == picture(client, first).tobytes()
    newer = post(client, workflow=inverting(asset["name"]))
    assert picture(client, newer).tobytes() == ImageOps.invert(noise(2)).tobytes()


def test_a_retry_whose_asset_is_gone_is_refused(client: TestClient, worker: RunningWorker) -> None:
    asset = uploaded(client, png(noise()))
    job = post(client, workflow=inverting(asset["name"]))
    client.delete(f"{ASSETS}/{asset['id']}")
    response = client.post(f"{URL}{job['id']}/retry")
    (error,) = response.json()["errors"]
    assert (response.status_code, error["field"], error["code"]) == (422, "workflow.1.inputs.image", "missing_asset")
    assert error["message"] == "the asset 'photo.png', which the job took, is gone"

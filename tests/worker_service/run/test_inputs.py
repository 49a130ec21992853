"""An asset that a job takes comes to whichever server runs it, is used there, and is let go at the job's end."""

from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pytest
from PIL import Image, ImageOps
from starlette.testclient import TestClient

from api_service.main import create_app
from shared.files.server_names import FOLDER
from shared.models import JobStatus, Outcome
from tests import jobs
from tests.api_service.assets.assets import ASSETS, uploaded
from tests.api_service.conftest import bearer, new_key
from tests.simulator.graphs import node
from tests.simulator.running import BOTH, RunningSimulator
from tests.worker_service.deployment import Deployment
from tests.worker_service.run.test_submitted_jobs import PICTURE, URL, post
from tests.worker_service.running_worker import RunningWorker
from tests.worker_service.waiting import until

SIZE = (16, 24)


@pytest.fixture
def environ(environ: dict[str, str], simulator: RunningSimulator, another: RunningSimulator) -> dict[str, str]:
    return {**environ, "COMFYUI_URLS": f"{simulator.url},{another.url}"}


@pytest.fixture
def client(deployment: Deployment) -> Iterator[TestClient]:
    key = new_key(deployment.messenger.engine)
    with TestClient(create_app(deployment.settings), headers=bearer(key)) as client:
        yield client


def png(image: Image.Image) -> bytes:
    encoded = BytesIO()
    image.save(encoded, "PNG")
    return encoded.getvalue()


def noise(seed: int = 1, size: tuple[int, int] = SIZE) -> Image.Image:
    values = (value * 37 * (seed + 1) % 251 for value in range(size[0] * size[1] * 3))
    return Image.frombytes("RGB", size, bytes(values))


def reference(asset: dict[str, Any]) -> dict[str, Any]:
    return {"__type": "core/ASSET", "info": {"id": asset["id"]}}


def inverting(image: Any) -> dict[str, Any]:
    return {
        "1": node("LoadImage", image=image),
        "2": node("ImageInvert", image=["1", 0]),
        "9": node("SaveImage", images=["2", 0], filename_prefix="x"),
    }


def stored(simulator: RunningSimulator) -> list[str]:
    """The inputs that a server has been given."""
    return sorted(path.name for path in (simulator.input_directory / FOLDER).glob("*"))


def picture(client: TestClient, job: dict[str, Any]) -> Image.Image:
    assert job["status"] == "completed", job["error"]
    with Image.open(BytesIO(client.get(job["outputs"][0]["url"]).content)) as image:
        return image.convert("RGB")


@pytest.fixture
def only(another: RunningSimulator, deployment: Deployment) -> None:
    """The second server gets no jobs."""
    another.stop()


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


MADE_ANEW: dict[str, Any] = {**PICTURE, "width": 64, "height": 64}


@pytest.mark.parametrize("denoise", [None, 0.5, 1.0])
def test_a_mask_keeps_the_rest_of_the_picture_as_it_is(
    client: TestClient, worker: RunningWorker, denoise: float | None
) -> None:
    before = noise(size=(64, 64))
    mask = Image.new("L", (64, 64))
    mask.paste(255, (32, 0, 64, 64))
    image, white = uploaded(client, png(before)), uploaded(client, png(mask), "mask.png")
    wishes = {"image": reference(image), "mask": white["name"], **({} if denoise is None else {"denoise": denoise})}
    job = post(client, **MADE_ANEW, **wishes)
    after = picture(client, job)
    assert after.crop((0, 0, 28, 64)).tobytes() == before.crop((0, 0, 28, 64)).tobytes()
    assert after.crop((36, 0, 64, 64)).tobytes() != before.crop((36, 0, 64, 64)).tobytes()
    assert job["sampler_params"]["denoise"] == (1.0 if denoise is None else denoise)
    assert picture(client, post(client, f"{job['id']}/retry")).tobytes() == after.tobytes()


WISHES: tuple[dict[str, Any], ...] = ({}, {"denoise": 0})


def test_a_picture_is_made_from_a_picture_and_not_much_is_made_anew(client: TestClient, worker: RunningWorker) -> None:
    before = noise(size=(128, 64))
    image = uploaded(client, png(before))
    usual, none = (post(client, **MADE_ANEW, image=image["name"], batch_size=2, **more) for more in WISHES)
    assert usual["sampler_params"]["denoise"] == 0.75
    assert len(usual["outputs"]) == 2
    assert picture(client, none).tobytes() == before.crop((32, 0, 96, 64)).tobytes(), "cut in its middle"
    assert picture(client, usual).tobytes() != picture(client, none).tobytes()

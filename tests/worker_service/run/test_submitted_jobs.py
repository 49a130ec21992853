"""What clients wish for comes true: jobs go in over HTTP, and a worker does as they say."""

import json
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngImageFile
from starlette.testclient import TestClient

from api_service.main import create_app
from shared.models import JobStatus, Outcome
from tests.api_service.conftest import bearer, new_key
from tests.api_service.submit.test_workflows import WORKFLOW
from tests.worker_service.deployment import Deployment
from tests.worker_service.run.saying import written
from tests.worker_service.running_worker import RunningWorker
from tests.worker_service.waiting import until

URL = "/api/v1/generation-jobs/"
PICTURE: dict[str, Any] = {"prompt": "a cat", "checkpoint_model": "random_sd15.safetensors", "width": 64, "height": 64}
QUICK: dict[str, Any] = {**PICTURE, "sampler_params": {"steps": 2}}


@pytest.fixture
def client(deployment: Deployment) -> Iterator[TestClient]:
    key = new_key(deployment.messenger.engine)
    with TestClient(create_app(deployment.settings), headers=bearer(key)) as client:
        yield client


def post(client: TestClient, path: str = "", prefer: str = "wait=60", **values: Any) -> dict[str, Any]:
    response = client.post(f"{URL}{path}", json=values, headers={"Prefer": prefer})
    assert response.status_code == 201, response.text
    return response.json()  # type: ignore[no-any-return]


def own_workflow(**sampler: Any) -> dict[str, Any]:
    loader, sampling = WORKFLOW["4"], WORKFLOW["3"]
    return {
        **WORKFLOW,
        "4": {**loader, "inputs": {"ckpt_name": "random_sd15.safetensors"}},
        "3": {**sampling, "inputs": {**sampling["inputs"], **sampler}},
    }


def test_a_workflow_of_ones_own_is_run_with_the_seed_that_was_drawn(
    client: TestClient, deployment: Deployment, worker: RunningWorker
) -> None:
    body = post(client, workflow=own_workflow(seed=-1))
    assert body["status"] == "completed", body["error"]
    (output,) = body["outputs"]
    assert (output["media_type"], output["width"]) == ("image/png", 64)
    assert deployment.outputs(body["id"])[0].node_id == "9"
    again = post(client, workflow=own_workflow(seed=body["workflow"]["3"]["inputs"]["seed"]))
    assert picture_of(client, again) == picture_of(client, body)


def picture_of(client: TestClient, job: dict[str, Any]) -> bytes:
    """The pixels of a job's thumbnail, which unlike its file does not hold the prompt's id."""
    return client.get(job["outputs"][0]["thumbnails"]["150"]).content


def test_a_seed_is_drawn_as_its_node_takes_it(
    client: TestClient, deployment: Deployment, worker: RunningWorker
) -> None:
    until(lambda: written(deployment.messenger.engine, deployment.comfyui.url))
    workflow = {"1": {"class_type": "SimulatedSeed", "inputs": {"seed": -1, "noise_seed": -1}}}
    bodies = post(client, "bulk", jobs=[{"workflow": workflow}] * 8)["jobs"]
    for body in bodies:
        deployment.ended(body["id"])
        inputs = body["workflow"]["1"]["inputs"]
        assert 0 <= inputs["seed"] <= 2**50
        assert inputs["noise_seed"] == -1


def test_a_class_that_the_server_runs_as_another_is_run(client: TestClient, deployment: Deployment) -> None:
    deployment.comfyui.speak("0.33")
    with deployment.worker():
        until(lambda: written(deployment.messenger.engine, deployment.comfyui.url))
        old = {"class_type": "SimulatedOldSeed", "inputs": {"first_seed": 7}}
        body = post(client, workflow={"1": old})
        assert body["status"] == "completed", body["error"]
        assert client.get(body["outputs"][0]["url"]).text == "7 -1"
    deployment.comfyui.reset()


@pytest.mark.parametrize("previews", [False, True])
def test_what_is_sent_along_is_in_the_picture(
    client: TestClient, deployment: Deployment, worker: RunningWorker, previews: bool
) -> None:
    pnginfo = {"workflow": {"nodes": [], "links": [], "extra": {"é": "🎨"}}, "mine": [1, 2]}
    body = post(client, workflow=own_workflow(), params={"previews": previews}, extra_data={"extra_pnginfo": pnginfo})
    picture = Image.open(BytesIO(client.get(body["outputs"][0]["url"]).content))
    assert isinstance(picture, PngImageFile)
    assert {name: json.loads(picture.text[name]) for name in pnginfo} == pnginfo
    assert "prompt" in picture.text


def test_a_retry_with_the_same_seed_makes_the_same_picture(client: TestClient, worker: RunningWorker) -> None:
    first = post(client, **QUICK)
    same, new = (post(client, f"{first['id']}/retry", seed=seed) for seed in ("same", "new"))
    assert picture_of(client, same) == picture_of(client, first)
    assert picture_of(client, new) != picture_of(client, first)


def test_a_batch_is_run_to_its_last_job(client: TestClient, deployment: Deployment, worker: RunningWorker) -> None:
    for job in post(client, "bulk", jobs=[QUICK, {"workflow": own_workflow()}, QUICK])["jobs"]:
        deployment.ended(job["id"])


def test_a_job_that_may_be_tried_once_is_not_tried_again(
    client: TestClient, deployment: Deployment, worker: RunningWorker
) -> None:
    deployment.comfyui.fault("missing_file")
    body = post(client, **QUICK, max_attempts=1)
    assert (body["status"], body["error"]["code"], body["retries"]) == ("failed", "output_missing", 0)
    assert deployment.outcomes(body["id"]) == [Outcome.FAILED]


def test_a_job_that_is_put_off_runs_once_its_time_has_come(
    client: TestClient, deployment: Deployment, worker: RunningWorker
) -> None:
    body = post(client, prefer="", **QUICK, delay_seconds=0.5)
    job = deployment.ended(body["id"])
    assert job.started_at is not None
    assert job.run_after is not None
    assert job.started_at >= job.run_after


def test_a_job_whose_deadline_passes_before_a_worker_comes_expires(client: TestClient, deployment: Deployment) -> None:
    late = post(client, prefer="", **QUICK, deadline_seconds=0.001)
    timely = post(client, prefer="", **QUICK, deadline_seconds=3600)
    with deployment.worker():
        deployment.ended(timely["id"])
        deployment.ended(late["id"], JobStatus.EXPIRED)
    assert deployment.outcomes(late["id"]) == []

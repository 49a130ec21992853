"""Jobs by the official Comfy SDK: run, polled, cancelled, listed, downloaded."""

from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from comfy_sdk import AsyncComfy, Comfy
from comfy_sdk.exceptions import JobFailed
from PIL import Image

from tests.api_service.serving import Served
from tests.simulator.graphs import txt2img
from tests.worker_service.comfy_sdk.conftest import Story
from tests.worker_service.deployment import Deployment
from tests.worker_service.running_worker import RunningWorker

pytestmark = [pytest.mark.system, pytest.mark.usefixtures("worker")]


def test_run_waits_for_the_end_and_outputs_come_down(comfy: Comfy, tmp_path: Path) -> None:
    job = comfy.run(comfy.workflows.from_json(txt2img()), timeout=60)
    assert job.status == "succeeded"
    (output,) = job.get_outputs("9")
    assert (output.type, output.content_type, output.job_id) == ("image", "image/png", job.id)
    content = output.to_bytes()
    assert Image.open(BytesIO(content)).size == (64, 64)
    assert len(content) == output.size_bytes
    assert output.to_file(tmp_path / "picture.png").read_bytes() == content
    assert output.to_bytes(range=(1, 3)) == b"PNG"
    assert output.get_download_url().url.endswith(f"/api/v2/assets/{output.id}/content")


def test_a_job_is_found_again_by_its_id_alone(comfy: Comfy) -> None:
    graph = txt2img(seed=7)
    made = comfy.submit(comfy.workflows.from_json(graph), metadata={"run": "a"})
    with Comfy() as another:
        job = another.jobs.get(made.id).wait(timeout=60)
        assert (job.status, job.metadata) == ("succeeded", {"run": "a"})
        workflow = job.get_workflow()
    assert (workflow.format, workflow.graph) == ("api", graph)


def test_a_job_that_fails_raises_with_its_node(comfy: Comfy, deployment: Deployment) -> None:
    deployment.comfyui.fault("node_error")
    with pytest.raises(JobFailed) as failed:
        comfy.run(comfy.workflows.from_json(txt2img()), timeout=60)
    error: Any = failed.value.error
    assert (error.code, error.node_id) == ("node_execution_error", "4")


def test_a_job_that_runs_is_cancelled(comfy: Comfy, deployment: Deployment) -> None:
    stall = deployment.comfyui.fault("stall", step=2)
    job = comfy.submit(comfy.workflows.from_json(txt2img()))
    while job.refresh().status != "running":
        pass
    assert job.cancel().status in {"canceling", "canceled"}
    stall.clear()
    assert job.wait(timeout=60).status == "canceled"
    assert job.cancel().status == "canceled"


def test_jobs_are_listed_by_label_over_pages(comfy: Comfy) -> None:
    graph = comfy.workflows.from_json(txt2img())
    made = [comfy.submit(graph, metadata={"run": run, "n": str(n)}).id for run in ("a", "b") for n in range(3)]
    assert [one.id for one in comfy.list_jobs(limit=2)] == made[::-1]
    found = list(comfy.list_jobs(metadata={"run": "b"}, limit=2))
    assert [one.id for one in found] == made[:2:-1]
    assert found[0].metadata == {"run": "b", "n": "2"}
    assert found[0].create_time is not None
    assert found[0].update_time is not None
    assert [one.id for one in comfy.list_jobs(metadata={"run": "a", "n": "1"})] == [made[1]]


def test_the_asynchronous_client_does_the_same(api: Served, told: Any, worker: RunningWorker) -> None:
    async def story(comfy: AsyncComfy) -> tuple[str, bytes, list[str]]:
        job = await comfy.submit(comfy.workflows.from_json(txt2img()), metadata={"run": "a"})
        await job.result()
        waiting = await comfy.submit(comfy.workflows.from_json(txt2img()))
        assert (await waiting.cancel()).status in {"canceling", "canceled", "succeeded"}
        listed = [one.id async for one in comfy.list_jobs(metadata={"run": "a"})]
        assert listed == [job.id]
        return job.status, await job.outputs[0].to_bytes(), listed

    tell: Story[Any] = story
    status, content, _ = told(tell)
    assert (status, content[1:4]) == ("succeeded", b"PNG")

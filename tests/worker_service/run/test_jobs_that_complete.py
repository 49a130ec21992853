"""A job goes through a worker and a ComfyUI to verified files, and is watched on its way."""

import pytest
from PIL import Image

from shared.messaging.events import Event
from shared.messaging.messages import RunComfyJob
from shared.models import EventType, JobStatus, Outcome
from tests import jobs
from tests.jobs import USER
from tests.simulator.running import OLDER_AT_LANDING
from tests.worker_service.deployment import Deployment
from tests.worker_service.listener import Listener, at_step
from tests.worker_service.waiting import until

pytestmark = [OLDER_AT_LANDING, pytest.mark.usefixtures("worker")]
E = EventType


def test_a_job_is_completed_with_its_file_and_thumbnails(deployment: Deployment) -> None:
    job = deployment.ended(deployment.submit())
    (output,) = deployment.outputs(job.id)
    assert (output.kind, output.media_type, output.width, output.height) == ("image", "image/png", 64, 64)
    assert (output.node_id, output.filename) == ("save", f"job-{job.id}-0.png")
    assert output.path == f"{USER}/{job.created_at:%Y/%m/%d}/{job.id}/1/0.png"
    with Image.open(deployment.folder / output.path) as picture:
        assert picture.size == (64, 64)
    assert {size: small["width"] for size, small in output.thumbnails.items()} == {"150": 64, "300": 64, "600": 64}
    assert job.worker_id is not None
    assert (job.server, job.retries) == (deployment.comfyui.url, 0)
    assert deployment.outcomes(job.id) == [Outcome.COMPLETED]
    assert deployment.times_started(job.comfyui_prompt_id or "") == 1


def test_its_events_are_told_live_in_the_order_of_their_rows(deployment: Deployment, listener: Listener) -> None:
    job_id = deployment.submit()
    told = [event for event in listener.until_final(job_id) if event.sequence]
    rows = [Event.from_row(row, jobs.USER) for row in jobs.events(deployment.messenger, job_id)]
    assert [event.type for event in told] == [E.QUEUED, E.STARTED, E.COMPLETED]
    assert told == rows
    (output,) = told[-1].data["outputs"]
    assert output["url"] == f"/api/v1/generation-jobs/{job_id}/outputs/0"
    assert output["sha256"] == deployment.outputs(job_id)[0].sha256


@pytest.mark.usefixtures("listening")
def test_its_progress_is_told_and_never_falls(deployment: Deployment, listener: Listener) -> None:
    deployment.comfyui.pace(step_seconds=0.02)
    stalls = [deployment.comfyui.fault("stall", step=step) for step in (4, 9)]
    job_id = deployment.submit(steps=10)
    for stall, step in zip(stalls, (4, 9), strict=True):
        listener.until(job_id, at_step(step))
        assert deployment.messenger.client.exists(deployment.messenger.channels.progress(job_id))
        stall.clear()
    told = [event for event in listener.until_final(job_id) if event.type is E.PROCESSING]
    percentages = [event.data["percentage"] for event in told]
    assert percentages == sorted(percentages)
    assert all(0 <= percentage <= 100 for percentage in percentages)
    assert [event.tick for event in told] == list(range(1, len(told) + 1))
    sampling = next(event for event in told if at_step(4)(event))
    assert (sampling.data["node_id"], sampling.data["node_type"], sampling.data["steps"]) == (
        "sampler",
        "KSampler",
        10,
    )


def test_a_batch_has_an_output_for_each_picture_in_their_order(deployment: Deployment) -> None:
    job = deployment.ended(deployment.submit(batch_size=4))
    outputs = deployment.outputs(job.id)
    assert [output.number for output in outputs] == [0, 1, 2, 3]
    assert len({output.sha256 for output in outputs}) == 4


def test_a_lora_is_put_between_the_checkpoint_and_the_sampler(deployment: Deployment) -> None:
    loras = [{"name": "random_lora.safetensors", "strength_model": 0.5, "strength_clip": 0.25}]
    job = deployment.ended(deployment.submit(lora_models=loras, params={"clip_skip": 2, "vae_name": "pixel_space"}))
    nodes = deployment.comfyui.executions()[job.comfyui_prompt_id or ""].nodes
    assert {"lora_1", "clip_skip", "vae"} < set(nodes)


@pytest.mark.usefixtures("listening")
def test_previews_come_when_they_are_asked_for(deployment: Deployment, listener: Listener) -> None:
    stall = deployment.comfyui.fault("stall", step=2)
    job_id = deployment.submit(steps=3, params={"previews": True})
    heard = listener.until(job_id, lambda event: event.type is E.PREVIEW)
    stall.clear()
    preview = next(event for event in heard if event.type is E.PREVIEW)
    assert preview.data["media_type"] == "image/jpeg"
    assert preview.data["image"].startswith("/9j/"), "a JPEG in base64"
    deployment.ended(job_id)


@pytest.mark.usefixtures("listening")
def test_previews_do_not_come_unasked(deployment: Deployment, listener: Listener) -> None:
    stall = deployment.comfyui.fault("stall", step=2)
    job_id = deployment.submit(steps=3)
    listener.until(job_id, at_step(2))
    stall.clear()
    assert E.PREVIEW not in [event.type for event in listener.until_final(job_id)]


def test_the_same_job_twice_gives_two_jobs_with_files_of_their_own(deployment: Deployment) -> None:
    first, second = (deployment.ended(deployment.submit(params={"seed": 7})) for _ in range(2))
    executions = deployment.comfyui.executions()
    assert executions[second.comfyui_prompt_id or ""].nodes == ["save"], "all else came from the cache"
    ours, theirs = (deployment.outputs(job.id)[0] for job in (first, second))
    assert ours.path != theirs.path
    prefixes = [executions[job.comfyui_prompt_id or ""].filename_prefixes for job in (first, second)]
    assert prefixes == [[f"genonaut-{first.comfyui_prompt_id}"], [f"genonaut-{second.comfyui_prompt_id}"]]


def test_what_is_sent_to_comfyui_is_our_ids_and_nothing_that_could_harm_others(deployment: Deployment) -> None:
    deployment.comfyui.pace(step_seconds=3600)
    job_id = deployment.submit(params={"previews": True})
    prompt_id = deployment.sampling(job_id)
    (entry,) = deployment.comfyui.http.get("/queue").json()["queue_running"]
    _number, sent_id, _graph, extra_data, outputs, *_ = entry
    deployment.cancel(job_id)
    deployment.ended(job_id, JobStatus.CANCELLED)
    assert sent_id == prompt_id
    assert extra_data.keys() == {"client_id", "preview_method", "create_time"}, "create_time is ComfyUI's own"
    assert extra_data["client_id"] == deployment.client_id(job_id)
    assert extra_data["preview_method"] == "latent2rgb"
    assert outputs == ["save"]


def test_a_wake_up_is_for_whatever_job_is_due(deployment: Deployment) -> None:
    job_id = jobs.submitted(deployment.messenger)
    deployment.messenger.send(RunComfyJob(job_id=job_id + 1))
    until(lambda: deployment.job(job_id).status.is_final)
    assert deployment.outcomes(job_id) == [Outcome.COMPLETED]


def test_many_jobs_are_each_run_once(deployment: Deployment) -> None:
    submitted = [deployment.submit(params={"seed": seed}) for seed in range(12)]
    for job_id in submitted:
        deployment.ended(job_id)
    assert [execution.started for execution in deployment.comfyui.executions().values()] == [1] * 12

"""What the official Comfy SDK may come upon: the same file twice at once, an upload that breaks off, another's ids, a
cancel and a look at the events in each state."""

import socket
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from threading import Barrier
from typing import Any
from uuid import uuid4

import httpx
import pytest
from comfy_sdk import AsyncComfy, Comfy
from comfy_sdk.events import OutputReady, StatusChange
from comfy_sdk.exceptions import ComfyError, JobFailed, MissingAsset, NotFound
from PIL import ImageOps
from sqlmodel import select

from shared.models import Asset
from tests.api_service.conftest import new_key
from tests.api_service.serving import Served
from tests.simulator.graphs import txt2img
from tests.worker_service.comfy_sdk.test_inputs import image_in
from tests.worker_service.deployment import Deployment
from tests.worker_service.run.inputs import inverting, noise, png
from tests.worker_service.running_worker import RunningWorker
from tests.worker_service.waiting import until

pytestmark = [pytest.mark.system, pytest.mark.landing]


def inverted(comfy: Comfy, image: Any) -> Any:
    workflow = comfy.workflows.from_json(inverting("example.png"))
    workflow.set_input("1", "image", image)
    return workflow


def statuses(events: Any) -> list[str]:
    return [one.status for one in events if isinstance(one, StatusChange)]


@pytest.mark.usefixtures("worker")
def test_an_output_is_the_input_of_the_next_job_though_its_own_job_goes(
    comfy: Comfy, api: Served, deployment: Deployment
) -> None:
    first = comfy.run(inverted(comfy, comfy.assets.from_bytes(png(noise()), filename="photo.png")), timeout=60)
    (output,) = first.get_outputs("9")
    stall = deployment.comfyui.fault("stall", node="ImageInvert")
    second = comfy.submit(inverted(comfy, comfy.assets.get(output.id)))
    number = httpx.get(
        f"http://{api.address}/api/v1/generation-jobs/?status=completed", headers={"Authorization": f"Bearer {api.key}"}
    ).json()["items"][0]["id"]
    gone = httpx.delete(
        f"http://{api.address}/api/v1/generation-jobs/{number}", headers={"Authorization": f"Bearer {api.key}"}
    )
    assert gone.status_code == 204
    stall.clear()
    (again,) = second.wait(timeout=60).get_outputs("9")
    assert image_in(again).tobytes() == noise().tobytes()
    with pytest.raises(NotFound):
        output.to_bytes()
    reference = {"__type": "core/ASSET", "info": {"id": again.id}}
    (third,) = comfy.run(inverted(comfy, reference), timeout=60).get_outputs("9")
    assert image_in(third).tobytes() == ImageOps.invert(noise()).tobytes()


def test_the_same_file_from_many_at_once_is_one_asset(api: Served, deployment: Deployment) -> None:
    content, barrier = png(noise(5, (64, 64))), Barrier(6)

    def commit(_: int) -> str:
        with Comfy() as comfy:
            handle = comfy.assets.from_bytes(content, filename="same.png")
            barrier.wait(20)
            return handle.commit()

    with ThreadPoolExecutor(6) as pool:
        (asset_id,) = set(pool.map(commit, range(6)))
    with deployment.messenger.transaction() as session:
        assert [str(one) for one in session.exec(select(Asset.id))] == [asset_id]


def test_an_upload_that_broke_off_leaves_nothing_in_the_way(comfy: Comfy, api: Served, deployment: Deployment) -> None:
    content = png(noise(6, (64, 64)))
    host, _, port = api.address.partition(":")
    head = (
        f"POST /api/v2/assets HTTP/1.1\r\nHost: {api.address}\r\nAuthorization: Bearer {api.key}\r\n"
        f"Idempotency-Key: broken\r\nContent-Type: multipart/form-data; boundary=xyz\r\nContent-Length: 9999\r\n\r\n"
        '--xyz\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'
    )
    with socket.create_connection((host, int(port))) as broken:
        broken.sendall(head.encode() + content[:100])
    assert not [*deployment.folder.rglob("content")]
    handle = comfy.assets.from_bytes(content, filename="a.png")
    handle._idempotency_key = "broken"  # as a program does that tries again by itself
    handle.commit()
    assert handle.created_new
    handle.delete()
    handle.commit()
    assert comfy.assets.get(str(handle.id)).hash == handle.hash


@pytest.mark.parametrize("name", ["ü täglich.png", 'a"b;c.png', "名前.png", "x" * 251 + ".png", "photo", "a%20b.png"])
def test_a_file_keeps_the_name_it_was_sent_under(comfy: Comfy, tmp_path: Path, name: str) -> None:
    if len(name.encode()) <= 255:
        (tmp_path / name).write_bytes(png(noise(7)))
        handle = comfy.assets.from_file(tmp_path / name)
    else:
        handle = comfy.assets.from_bytes(png(noise(7)), filename=name)
    assert comfy.assets.get(handle.commit()).file_path == name


def test_what_cannot_be_an_asset_is_a_typed_error(comfy: Comfy) -> None:
    for content, name in ((b"", "empty.png"), (b"x", "a/b.png"), (b"x", ".."), (b"x", "x" * 256)):
        with pytest.raises(ComfyError) as refused:
            comfy.assets.from_bytes(content, filename=name).commit()
        assert (refused.value.code, refused.value.http_status) == ("invalid_request", 422)


@pytest.mark.usefixtures("worker")
def test_anothers_things_are_as_if_they_were_not_there(comfy: Comfy, api: Served, deployment: Deployment) -> None:
    asset = comfy.assets.from_bytes(png(noise(8)), filename="mine.png")
    job = comfy.run(inverted(comfy, asset), timeout=60)
    (output,) = job.outputs
    with Comfy(api_key=new_key(deployment.messenger.engine, another=True)) as stranger:
        for gone in (str(asset.id), output.id, str(uuid4()), "out_aaaaaaaaaaaaaaaa", "x", "..", "%2e%2e", "ü"):
            for ask in (stranger.assets.get, stranger.assets.delete):
                with pytest.raises(NotFound):
                    ask(gone)
            with pytest.raises(MissingAsset):
                stranger.submit(inverted(stranger, {"__type": "core/ASSET", "info": {"id": gone}}))
        for job_id in (job.id, "job_aaaaaaaa", "1", "x/../y", "ü"):
            with pytest.raises(NotFound):
                stranger.jobs.get(job_id)
        assert list(stranger.list_jobs()) == []
        same = stranger.assets.from_bytes(png(noise(8)), filename="mine.png")
        assert same.commit() != asset.id
        assert same.created_new, "nobody learns what others have"
    assert image_in(output).tobytes() == ImageOps.invert(noise(8)).tobytes()


def test_a_job_is_cancelled_in_each_state_and_tells_of_it_to_who_comes_late(
    comfy: Comfy, deployment: Deployment
) -> None:
    waiting = comfy.submit(comfy.workflows.from_json(txt2img()))
    with pytest.raises(TimeoutError):
        waiting.wait(timeout=0)
    assert waiting.cancel().status == "canceled"
    assert (statuses(waiting.events()), waiting.cancel().status) == (["canceled"], "canceled")
    with pytest.raises(JobFailed):
        waiting.result()
    with deployment.worker():
        deployment.comfyui.fault("node_error")
        failed = comfy.submit(comfy.workflows.from_json(txt2img())).wait(timeout=60)
        assert (failed.status, failed.cancel().status, statuses(failed.events())) == ("failed", "failed", ["failed"])
        done = comfy.run(comfy.workflows.from_json(txt2img()), timeout=60)
        assert (done.cancel().status, [type(one) for one in done.events()]) == (
            "succeeded",
            [OutputReady, StatusChange],
        )
        stall = deployment.comfyui.fault("stall", step=2)
        running = comfy.submit(comfy.workflows.from_json(txt2img()))
        until(lambda: running.refresh().status == "running")
        events = running.events()
        assert isinstance(next(events), StatusChange)
        assert {running.cancel().status, running.cancel().status} <= {"canceling", "canceled"}
        stall.clear()
        assert statuses(events)[-1] == "canceled"
        assert running.refresh().status == "canceled"


@pytest.mark.usefixtures("worker")
def test_an_output_comes_to_a_stream_and_in_parts(comfy: Comfy, tmp_path: Path) -> None:
    (output,) = comfy.run(comfy.workflows.from_json(txt2img()), timeout=60).outputs
    stream = BytesIO()
    assert output.to_stream(stream) == output.size_bytes
    assert output.to_file(tmp_path / "part", range=(0, 3)).read_bytes() == stream.getvalue()[:4]
    assert output.to_bytes(range=(4, 10**9)) == stream.getvalue()[4:]
    with pytest.raises(ComfyError) as refused:
        output.to_bytes(range=(10**9, 10**9 + 1))
    assert refused.value.http_status == 416
    found = comfy.assets.get(output.id)
    assert (found.id, found.job_id, found.file_path) == (output.id, output.job_id, output.name)
    with pytest.raises(ComfyError) as kept:
        found.delete()
    assert kept.value.code == "asset_in_use"


def test_a_list_is_asked_for_in_every_wrong_way(comfy: Comfy) -> None:
    for labels in ({str(number): "x" for number in range(4)}, {"": "x"}, {"a b": "x"}, {"a": "x" * 257}):
        with pytest.raises(ComfyError) as refused:
            list(comfy.list_jobs(metadata=labels))
        assert refused.value.code == "invalid_metadata_filter"
    assert list(comfy.list_jobs(metadata={"a": ""}, limit=100)) == []


def test_the_asynchronous_client_does_the_same(told: Any, deployment: Deployment, worker: RunningWorker) -> None:
    async def story(comfy: AsyncComfy) -> None:
        workflow = comfy.workflows.from_json(inverting("example.png"))
        workflow.set_input("1", "image", comfy.assets.from_stream(BytesIO(png(noise(9))), filename="photo.png"))
        job = await comfy.run(workflow, timeout=60)
        (output,) = job.get_outputs("9")
        handle = await comfy.assets.get(output.id)
        again = comfy.workflows.from_json(inverting("example.png"))
        again.set_input("1", "image", handle)
        (last,) = (await comfy.run(again, timeout=60)).get_outputs("9")
        stream = BytesIO()
        assert await last.to_stream(stream) == last.size_bytes
        assert (await (await comfy.jobs.get(job.id)).get_workflow()).format == "api"
        assert [one async for one in job.events()][-1] == StatusChange(status="succeeded")
        stall = deployment.comfyui.fault("stall", step=2)
        running = await comfy.submit(comfy.workflows.from_json(txt2img()))
        while (await running.refresh()).status != "running":
            pass
        assert (await running.cancel()).status in {"canceling", "canceled"}
        stall.clear()
        assert (await running.wait(timeout=60)).status == "canceled"
        for ask in (comfy.assets.get, comfy.assets.delete, comfy.jobs.get):
            with pytest.raises(NotFound):
                await ask("nothing")

    told(story)

"""Pictures of one's own in a workflow by the official Comfy SDK: by handle, or by the name of an upload."""

from io import BytesIO
from typing import Any

import pytest
from comfy_sdk import AsyncComfy, Comfy
from comfy_sdk.exceptions import MissingAsset
from PIL import Image, ImageOps

from tests.worker_service.run.inputs import inverting, noise, png

pytestmark = [pytest.mark.system, pytest.mark.landing, pytest.mark.usefixtures("worker")]


def image_in(output: Any) -> Image.Image:
    with Image.open(BytesIO(output.to_bytes())) as image:
        return image.convert("RGB")


def test_a_handle_in_a_workflow_is_sent_and_used(comfy: Comfy) -> None:
    workflow = comfy.workflows.from_json(inverting("example.png"))
    workflow.set_input("1", "image", comfy.assets.from_bytes(png(noise()), filename="photo.png"))
    job = comfy.run(workflow, timeout=60)
    (output,) = job.get_outputs("9")
    assert image_in(output).tobytes() == ImageOps.invert(noise()).tobytes()


def test_a_file_is_used_by_the_name_that_it_was_sent_under(comfy: Comfy) -> None:
    comfy.assets.from_bytes(png(noise(2)), filename="mine.png").commit()
    (output,) = comfy.run(comfy.workflows.from_json(inverting("mine.png")), timeout=60).get_outputs("9")
    assert image_in(output).tobytes() == ImageOps.invert(noise(2)).tobytes()


def test_an_asset_that_is_not_there_is_the_sdks_own_error(comfy: Comfy) -> None:
    handle = comfy.assets.from_bytes(png(noise(3)), filename="gone.png")
    handle.commit()
    workflow = comfy.workflows.from_json(inverting("example.png"))
    workflow.set_input("1", "image", handle)
    comfy.assets.delete(str(handle.id))
    with pytest.raises(MissingAsset):
        comfy.submit(workflow)


def test_the_asynchronous_client_does_the_same(told: Any) -> None:
    async def story(comfy: AsyncComfy) -> bytes:
        workflow = comfy.workflows.from_json(inverting("example.png"))
        workflow.set_input("1", "image", comfy.assets.from_bytes(png(noise(4)), filename="photo.png"))
        job = await comfy.run(workflow, timeout=60)
        (output,) = job.get_outputs("9")
        return bytes(await output.to_bytes())

    with Image.open(BytesIO(told(story))) as image:
        assert image.convert("RGB").tobytes() == ImageOps.invert(noise(4)).tobytes()

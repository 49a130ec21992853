"""A picture is made from another one, all of it or what a mask leaves free."""

from typing import Any

import pytest
from PIL import Image
from starlette.testclient import TestClient

from tests.api_service.assets.assets import uploaded
from tests.worker_service.run.inputs import client, environ, noise, picture, png, reference
from tests.worker_service.run.test_submitted_jobs import PICTURE, post
from tests.worker_service.running_worker import RunningWorker

__all__ = ["client", "environ"]


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

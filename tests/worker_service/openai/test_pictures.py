"""Pictures by the official openai package: made, edited, streamed, and what it makes of refusals."""

import asyncio
import base64
from io import BytesIO
from typing import Any

import httpx
import pytest
from openai import AsyncOpenAI, OpenAI
from PIL import Image

from tests.api_service.serving import Served
from tests.worker_service.deployment import Deployment

pytestmark = [pytest.mark.system, pytest.mark.usefixtures("worker")]

MODEL = "random_sd15.safetensors"
SMALL: dict[str, Any] = {
    "prompt": "a lighthouse",
    "model": MODEL,
    "size": "64x64",
    "extra_body": {"steps": 2, "seed": 7},
}


def shown(picture: Any) -> Image.Image:
    return Image.open(BytesIO(base64.b64decode(picture.b64_json))).convert("RGB")


def png(image: Image.Image) -> bytes:
    content = BytesIO()
    image.save(content, "PNG")
    return content.getvalue()


def noise(size: tuple[int, int]) -> Image.Image:
    return Image.effect_noise(size, 90).convert("RGB")


def test_a_picture_is_made_from_words(openai: OpenAI, deployment: Deployment) -> None:
    made: Any = openai.images.generate(**SMALL, user="user-17")
    (picture,) = made.data
    assert shown(picture).size == (64, 64)
    assert (made.size, made.output_format, picture.revised_prompt) == ("64x64", "png", None)
    row = deployment.job(made.job_id)
    assert (row.prompt, row.params["seed"], row.params["steps"]) == ("a lighthouse", 7, 2)
    assert row.caller_metadata == {"user": "user-17"}
    assert int(row.created_at.timestamp()) == made.created


def test_several_pictures_come_as_urls_that_need_no_key(openai: OpenAI) -> None:
    made = openai.images.generate(**SMALL, n=2, response_format="url")
    assert made.data
    found = [httpx.get(picture.url or "") for picture in made.data]
    assert [(answer.status_code, answer.content[1:4]) for answer in found] == [(200, b"PNG")] * 2
    assert found[0].content != found[1].content


def test_of_a_picture_that_is_edited_what_the_mask_keeps_stays(openai: OpenAI) -> None:
    """Transparent parts are made anew; of a mask without transparency its white ones."""
    before = noise((64, 64))
    clear, white = Image.new("RGBA", (64, 64), (0, 0, 0, 255)), Image.new("L", (64, 64))
    clear.paste((0, 0, 0, 0), (32, 0, 64, 64))
    white.paste(255, (32, 0, 64, 64))
    for mask in (clear, white):
        made = openai.images.edit(**SMALL, image=png(before), mask=png(mask))
        assert made.data
        after = shown(made.data[0])
        assert after.crop((0, 0, 28, 64)).tobytes() == before.crop((0, 0, 28, 64)).tobytes()
        assert after.crop((36, 0, 64, 64)).tobytes() != before.crop((36, 0, 64, 64)).tobytes()


def test_an_edit_is_as_large_as_its_picture_and_as_true_to_it_as_was_asked(
    openai: OpenAI, deployment: Deployment
) -> None:
    asked = {**SMALL, "size": "auto", "image": [("cat.png", png(noise((130, 66))), "image/png")]}
    made: Any = openai.images.edit(**asked, input_fidelity="high", n=2)
    assert [shown(picture).size for picture in made.data] == [(128, 64)] * 2
    assert deployment.job(made.job_id).params["denoise"] == 0.5


def test_a_stream_ends_with_each_picture(openai: OpenAI) -> None:
    events = list(openai.images.generate(**SMALL, n=2, stream=True, partial_images=1))
    assert [event.type for event in events] == ["image_generation.completed"] * 2
    assert [shown(event).size for event in events] == [(64, 64)] * 2
    edits: list[Any] = list(openai.images.edit(**SMALL, image=png(noise((64, 64))), stream=True))
    assert [event.type for event in edits] == ["image_edit.completed"]
    assert (edits[0].size, edits[0].usage.total_tokens) == ("64x64", 0)


def test_models_are_the_checkpoints_of_the_servers(openai: OpenAI, known_models: list[str]) -> None:
    assert MODEL in known_models
    assert openai.models.retrieve(MODEL).owned_by == "genonaut"


def test_the_asynchronous_client_does_the_same(api: Served) -> None:
    async def story() -> list[tuple[int, int]]:
        async with AsyncOpenAI() as client:
            made = await asyncio.gather(*(client.images.generate(**SMALL) for _ in range(2)))
            return [shown(one.data[0]).size for one in made if one.data]

    assert asyncio.run(story()) == [(64, 64)] * 2

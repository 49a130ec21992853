"""Krita AI Diffusion, from its connection to its pictures: its calls, on a worker and a simulated server."""

import pytest
from starlette.testclient import TestClient

from tests.api_service.conftest import bearer, new_key
from tests.worker_service.deployment import Deployment
from tests.worker_service.native.krita import (
    Krita,
    canvas,
    colour_of,
    refining,
    selecting,
)

pytestmark = [pytest.mark.system, pytest.mark.landing]

RED, CYAN = (255, 0, 0), (0, 255, 255)


@pytest.fixture
def krita(client: TestClient) -> Krita:
    return Krita(client)


@pytest.fixture
def another_krita(deployment: Deployment, client: TestClient) -> Krita:
    """Of another user."""
    return Krita(client, **bearer(new_key(deployment.messenger.engine, another=True)))


def test_it_connects(krita: Krita) -> None:
    krita.connect()
    assert krita.models["checkpoints"]["random_sd15.safetensors"]["base_model"] == "sd15"
    assert (krita.models["diffusion_models"], krita.models["unet_gguf"], krita.languages) == ({}, {}, [])
    with krita.listening():
        krita.subscribe()
    # It goes on with the text as it is.
    assert krita.get("api/etn/translate/de/eine Katze/ein Hund").json() == {"error": "texts are not translated here"}


def test_a_picture_goes_in_and_the_result_comes_back(krita: Krita, client: TestClient) -> None:
    content = canvas("red")
    with krita.listening() as socket:
        krita.subscribe()
        prompt_id = krita.enqueue(refining(content), content)
        (result,) = krita.results(socket, prompt_id)
    assert colour_of(result) == CYAN
    (job,) = client.get("/api/v1/jobs").json()["items"]
    assert job["status"] == "completed"
    (output,) = client.get(f"/api/v1/jobs/{job['id']}").json()["outputs"]
    assert (output["media_type"], output["width"], output["node_class"]) == ("image/png", 32, "ETN_SaveImageCache")
    assert client.get(output["url"]).content == result


def test_the_same_again_is_made_again(krita: Krita, deployment: Deployment) -> None:
    """A server shows what it has shown before, though its cache may have lost that by then."""
    content = canvas("red")
    with krita.listening() as socket:
        for _ in range(2):
            krita.results(socket, krita.enqueue(refining(content), content))
            deployment.comfyui.forget_pictures()


@pytest.mark.parametrize(("mode", "colour", "seen"), [("L", 100, (100,) * 3), ("RGBA", (1, 2, 3, 50), (50,) * 3)])
def test_a_mask_is_as_it_was_sent(krita: Krita, mode: str, colour: object, seen: tuple[int, ...]) -> None:
    content = canvas(colour, mode)  # type: ignore[arg-type]
    with krita.listening() as socket:
        (result,) = krita.results(socket, krita.enqueue(selecting(content), content))
    assert colour_of(result) == seen


def test_a_jpeg_is_a_jpeg(krita: Krita) -> None:
    content = canvas("red")
    with krita.listening() as socket:
        (result,) = krita.results(socket, krita.enqueue(refining(content, "JPEG"), content))
    assert result.startswith(b"\xff\xd8\xff")

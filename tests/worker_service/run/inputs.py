"""Jobs that take assets: two servers for them, pictures that go in, and what comes back."""

from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pytest
from PIL import Image
from starlette.testclient import TestClient

from api_service.main import create_app
from shared.files.server_names import FOLDER
from tests.api_service.conftest import bearer, new_key
from tests.simulator.graphs import node
from tests.simulator.running import RunningSimulator
from tests.worker_service.deployment import Deployment

SIZE = (16, 24)


@pytest.fixture
def environ(environ: dict[str, str], simulator: RunningSimulator, another: RunningSimulator) -> dict[str, str]:
    return {**environ, "COMFYUI_URLS": f"{simulator.url},{another.url}"}


@pytest.fixture
def client(deployment: Deployment) -> Iterator[TestClient]:
    key = new_key(deployment.messenger.engine)
    with TestClient(create_app(deployment.settings), headers=bearer(key)) as client:
        yield client


@pytest.fixture
def only(another: RunningSimulator, deployment: Deployment) -> None:
    """The second server gets no jobs."""
    another.stop()


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

"""The official SDKs at an API below a path of a proxy: a base URL with the path is all that they are told."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import httpx
import pytest
from comfy_sdk import Comfy
from comfy_sdk.events import OutputReady, StatusChange
from openai import OpenAI

from tests.api_service.conftest import new_key
from tests.api_service.serving import served_here
from tests.pages.prefix import behind_prefix
from tests.simulator.graphs import txt2img
from tests.worker_service.deployment import Deployment

pytestmark = [pytest.mark.system, pytest.mark.landing, pytest.mark.usefixtures("worker")]

ROOT = "/make/pictures"


class Below(NamedTuple):
    """Where the API is, and a key for it."""

    url: str
    key: str


@pytest.fixture(params=[True, False], ids=["taken-away", "passed-on"])
def below(request: pytest.FixtureRequest, deployment: Deployment) -> Iterator[Below]:
    key = new_key(deployment.messenger.engine)
    with (
        served_here({**deployment.environ, "ROOT_PATH": ROOT}, key) as api,
        behind_prefix(f"http://{api.address}", ROOT, takes_away=request.param) as url,
    ):
        yield Below(url, key)


@pytest.fixture
def comfy(below: Below, monkeypatch: pytest.MonkeyPatch) -> Iterator[Comfy]:
    monkeypatch.setenv("COMFY_BASE_URL", below.url)
    monkeypatch.setenv("COMFY_API_KEY", below.key)
    with Comfy() as comfy:
        yield comfy


def test_the_comfy_sdk_runs_follows_and_downloads(comfy: Comfy) -> None:
    job = comfy.submit(comfy.workflows.from_json(txt2img()))
    assert [type(event) for event in job.events()][-2:] == [OutputReady, StatusChange]
    assert job.refresh().status == "succeeded"
    (output,) = job.get_outputs("9")
    assert output.to_bytes(range=(1, 3)) == b"PNG"
    assert f"{ROOT}/api/v2/assets/" in output.get_download_url().url


def test_the_comfy_sdk_cancels(comfy: Comfy, deployment: Deployment) -> None:
    stall = deployment.comfyui.fault("stall", step=2)
    job = comfy.submit(comfy.workflows.from_json(txt2img()))
    assert job.cancel().status in {"canceling", "canceled"}
    stall.clear()
    assert job.wait(timeout=60).status == "canceled"


def test_openais_package_makes_pictures_whose_urls_lead_back(below: Below) -> None:
    small: dict[str, Any] = {"model": "random_sd15.safetensors", "size": "64x64", "extra_body": {"steps": 2, "seed": 7}}
    with OpenAI(base_url=f"{below.url}/v1", api_key=below.key) as openai:
        made = openai.images.generate(prompt="a lighthouse", response_format="url", **small)
    assert made.data
    (url,) = [picture.url or "" for picture in made.data]
    assert url.startswith(f"{below.url}/api/v1/generation-jobs/")
    assert httpx.get(url).content[1:4] == b"PNG"

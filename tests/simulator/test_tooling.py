"""Pictures in the simulated server's memory, and what it says of its models, as comfyui-tooling-nodes have both.

Written from the code of these nodes: no real server was recorded with them.
"""

import uuid

import pytest

from tests.simulator.graphs import node, past, run
from tests.simulator.running import RunningSimulator, running_simulator
from tests.worker_service.native.krita import canvas, colour_of

pytestmark = [pytest.mark.system, pytest.mark.landing]

ADDRESS = "/api/etn/image/mine"


def test_what_came_first_under_an_id_stays(simulator: RunningSimulator) -> None:
    http, first = simulator.http, canvas("red")
    assert (http.get(ADDRESS).status_code, http.get(ADDRESS).json()["error"]) == (404, "Image not found")
    statuses = [http.put(ADDRESS, content=content).status_code for content in (first, canvas("blue"))]
    assert statuses == [201, 200]
    assert http.get(ADDRESS).content == first
    assert http.head(ADDRESS).headers["content-length"] == str(len(first))
    simulator.reset()
    assert http.get(ADDRESS).status_code == 404


@pytest.mark.parametrize(("kind", "media_type"), [("PNG", "image/png"), ("JPEG", "image/jpeg")])
def test_a_picture_goes_from_the_memory_and_into_it(simulator: RunningSimulator, kind: str, media_type: str) -> None:
    simulator.http.put(ADDRESS, content=canvas("red"))
    loaded = {"1": node("ETN_LoadImageCache", id="mine")}
    prompt_id = str(uuid.uuid4())
    run(simulator, prompt_id, loaded | {"2": node("ETN_SaveImageCache", images=["1", 0], format=kind)})
    (listed,) = past(simulator, prompt_id)["outputs"]["2"]["images"]
    assert (listed["source"], listed["content-type"], listed["type"]) == ("http", media_type, "output")
    found = simulator.http.get(f"/api/etn/image/{listed['id']}")
    assert found.headers["content-type"] == media_type
    assert colour_of(found.content)[0] > 250


def test_a_picture_that_is_not_there_fails_its_node(simulator: RunningSimulator) -> None:
    graph = {"1": node("ETN_LoadImageCache", id="none"), "2": node("PreviewImage", images=["1", 0])}
    assert run(simulator, str(uuid.uuid4()), graph).outcomes == ["error"]


def test_models_are_described_page_by_page() -> None:
    names = [f"{number}.safetensors" for number in range(10)] + ["xl.safetensors"]
    with running_simulator(checkpoint=names) as simulator:
        http, address = simulator.http, "/api/etn/model_info/checkpoints"
        pages = [http.get(address, params={"offset": offset, "limit": 8}).json() for offset in (0, 8, 16)]
        whole = http.get(address).json()
        assert http.get("/api/etn/model_info/nowhere").status_code == 400
        assert http.get("/api/etn/model_info/vae").json() == {}
    assert [page.pop("_meta")["count"] for page in pages] == [8, 3, 0]
    assert {**pages[0], **pages[1]} == whole
    assert whole["xl.safetensors"]["base_model"] == "sdxl"

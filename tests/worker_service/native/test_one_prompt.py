"""A prompt as a client of one ComfyUI sends it runs in the pool, and is told and listed as that one would."""

from io import BytesIO
from typing import Any
from uuid import uuid4

import httpx
import pytest
from PIL import Image

from tests.api_service.conftest import bearer
from tests.api_service.serving import Served
from tests.simulator.graphs import node, noise, txt2img
from tests.worker_service.native.listening import listening
from tests.worker_service.native.sequences import polled

pytestmark = pytest.mark.system


def posted(http: httpx.Client, graph: dict[str, Any], **body: Any) -> str:
    answer = http.post("/prompt", json={"prompt": graph, **body})
    assert answer.status_code == 200, answer.text
    assert answer.json()["node_errors"] == {}
    return str(answer.json()["prompt_id"])


@pytest.mark.parametrize("base", ["", "/api"])
def test_it_is_told_to_its_client_and_its_picture_can_be_had(api: Served, http: httpx.Client, base: str) -> None:
    http.base_url = httpx.URL(f"http://{api.address}{base}")
    with listening(f"{api.address}{base}", "mine", **bearer(api.key)) as mine:
        assert mine.next() == ("status", {"status": {"exec_info": {"queue_remaining": 0}}, "sid": "mine"})
        prompt_id = posted(http, noise(), client_id="mine")
        mine.until_done(prompt_id)
        entry = http.get(f"/history/{prompt_id}").json()[prompt_id]
        mine.until_status(0)
    assert mine.kinds(prompt_id) == [
        *("execution_start", "execution_cached", "executing", "executing", "executing", "executed"),
        *("execution_success", "executing"),
    ]
    (executed,) = [data for kind, data in mine.told if kind == "executed"]
    assert entry["outputs"] == {executed["node"]: executed["output"]}
    assert entry["status"]["status_str"] == "success"
    (image,) = entry["outputs"]["9"]["images"]
    found = http.get("/view", params=image)
    assert found.content.startswith(b"\x89PNG")
    assert found.headers["content-type"] == "image/png"
    assert http.get("/queue").json() == {"queue_running": [], "queue_pending": []}
    assert list(http.get("/history").json()) == [prompt_id]


def test_a_clients_own_id_names_its_prompt(http: httpx.Client) -> None:
    own = str(uuid4())
    graph = noise()
    assert posted(http, graph, prompt_id=own) == own
    assert posted(http, graph, prompt_id=own) == own
    reused = http.post("/prompt", json={"prompt": noise(), "prompt_id": own})
    assert (reused.status_code, reused.json()["error"]["type"]) == (400, "invalid_prompt_id")


def test_a_sampler_tells_its_steps(api: Served, http: httpx.Client) -> None:
    with listening(api.address, "mine", **bearer(api.key)) as mine:
        prompt_id = posted(http, txt2img(steps=4), client_id="mine", extra_data={"preview_method": "latent2rgb"})
        mine.until_done(prompt_id)
    assert {kind for kind, _ in mine.told} >= {"executing", "progress_state", "executed", "execution_success"}


@pytest.mark.parametrize("subfolder", ["", "temp"])
def test_an_upload_is_taken_in_by_the_name_that_was_answered(http: httpx.Client, subfolder: str) -> None:
    picture = BytesIO()
    Image.new("RGB", (16, 16), "red").save(picture, "PNG")
    answer = http.post(
        "/upload/image", files={"image": ("in.png", picture.getvalue())}, data={"subfolder": subfolder}
    ).json()
    name = f"{answer['subfolder']}/{answer['name']}".removeprefix("/")
    graph = {"1": node("LoadImage", image=name), "9": node("SaveImage", images=["1", 0], filename_prefix="out")}
    prompt_id = posted(http, graph)
    entry = polled(lambda: http.get(f"/history/{prompt_id}").json().get(prompt_id))
    assert entry["status"]["status_str"] == "success", entry["status"]
    assert http.get("/view", params=entry["outputs"]["9"]["images"][0]).content.startswith(b"\x89PNG")


def test_what_a_node_only_sends_is_sent_while_it_is_at_work_and_kept(api: Served, http: httpx.Client) -> None:
    graph = noise()
    del graph["9"]
    graph["s"] = node("SaveImageWebsocket", images=["2", 0])
    with listening(api.address, "mine", **bearer(api.key)) as mine:
        prompt_id = posted(http, graph, client_id="mine")
        mine.until_done(prompt_id)
    (frame,) = mine.previews
    (image,) = http.get(f"/history/{prompt_id}").json()[prompt_id]["outputs"]["s"]["images"]
    assert (frame[:8], frame[8:]) == (bytes((0, 0, 0, 1, 0, 0, 0, 2)), http.get("/view", params=image).content)
    at_work = [data["node"] for kind, data in mine.told if kind == "executing"]
    assert at_work[-2:] == ["s", None]
    assert "executed" not in mine.kinds(prompt_id)

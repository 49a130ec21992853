"""A program that speaks ComfyUI waits for its picture while everything behind the address that it was given dies."""

from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest
from websockets.exceptions import ConnectionClosed

from tests.journeys.conftest import Journey, bearer, until
from tests.simulator.graphs import txt2img
from tests.worker_service.native.krita import canvas, colour_of, picture_id, refining
from tests.worker_service.native.listening import listening

pytestmark = [pytest.mark.system, pytest.mark.landing, pytest.mark.timeout(300)]


def test_a_client_that_connects_again_gets_its_picture_though_all_was_killed(here: Journey) -> None:
    """The worker, the API and then the ComfyUI, while its prompt runs: it is in the queue until it is in the
    history."""
    address, key = urlsplit(here.system.api_url).netloc, bearer(here.system.key)
    stall = here.comfyui.fault("stall", step=1)
    with listening(address, "mine", **key) as socket, pytest.raises(ConnectionClosed):
        prompt_id = here.http.post("/prompt", json={"prompt": txt2img(), "client_id": "mine"}).json()["prompt_id"]
        while socket.next()[0] != "execution_start":
            pass
        stall.wait_until_struck()
        here.kill("worker")
        here.kill("api")
        while True:
            socket.next()
    here.comfyui.kill()
    here.comfyui.restart()
    here.restart("worker")
    here.restart("api")
    until(lambda: here.http.get("/system_stats").is_success)
    with listening(address, "mine", **key) as socket:
        assert socket.next()[1]["sid"] == "mine"
        until(lambda: is_in_history(here.http, prompt_id))
        told = socket.until_done(prompt_id)
    assert "execution_interrupted" not in [kind for kind, _ in told]
    (image,) = here.http.get(f"/history/{prompt_id}").json()[prompt_id]["outputs"]["9"]["images"]
    assert here.http.get("/view", params=image).content.startswith(b"\x89PNG")
    assert here.http.get("/queue").json() == {"queue_running": [], "queue_pending": []}


def test_what_krita_waits_for_comes_though_its_worker_was_killed(here: Journey) -> None:
    """Its result is in the server's memory alone, until a worker has fetched it."""
    address, key, content = urlsplit(here.system.api_url).netloc, bearer(here.system.key), canvas("red")
    stall = here.comfyui.fault("stall", node="ImageInvert")
    with listening(address, "krita", **key) as socket:
        assert here.http.put(f"/api/etn/image/{picture_id(content)}", content=content).status_code == 201
        body = {"prompt": refining(content), "client_id": "krita", "prompt_id": str(uuid4())}
        prompt_id = here.http.post("/prompt", json=body).json()["prompt_id"]
        stall.wait_until_struck()
        here.kill("worker")
        stall.clear()
        (own,) = here.comfyui.executions()
        here.comfyui.wait_finished(own)
        here.restart("worker")
        told = socket.until_done(prompt_id)
    (image,) = [data["output"]["images"][0] for kind, data in told if kind == "executed"]
    assert colour_of(here.http.get(f"/api/etn/image/{image['id']}").content) == (0, 255, 255)
    assert here.times_run() == [1]


def is_in_history(http: httpx.Client, prompt_id: str) -> bool:
    """Whether it has ended; if not, it is in the queue: some programs take a prompt that is in neither for lost."""
    queue: dict[str, Any] = http.get("/queue").json()
    waits = prompt_id in [entry[1] for entries in queue.values() for entry in entries]
    has_ended = prompt_id in http.get("/history").json()
    assert waits or has_ended
    return has_ended

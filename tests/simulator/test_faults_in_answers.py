"""Answers can be others than expected, larger than bearable, slower than bearable, or refused."""

import time
import uuid

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from tests.simulator.graphs import noise, run, view
from tests.simulator.listening import Listener
from tests.simulator.running import RunningSimulator, running_simulator

pytestmark = [pytest.mark.system, pytest.mark.landing]


def test_a_server_may_insist_on_an_id_of_its_own(simulator: RunningSimulator) -> None:
    fault = simulator.fault("own_prompt_id")
    first = simulator.http.post("/prompt", json={"prompt": noise(), "prompt_id": "mine"}).json()["prompt_id"]
    fault.clear()
    second = simulator.http.post("/prompt", json={"prompt": noise(), "prompt_id": "mine"}).json()["prompt_id"]

    assert str(uuid.UUID(first)) == first
    assert second == "mine"


def test_an_answer_can_be_any_other(simulator: RunningSimulator) -> None:
    fault = simulator.fault("answer", path="/models/", status=502, body="<html>", content_type="text/html")
    answered = simulator.http.get("/models/checkpoints")
    fault.clear()

    assert (answered.status_code, answered.text, answered.headers["Content-Type"]) == (
        502,
        "<html>",
        "text/html; charset=utf-8",
    )
    assert simulator.http.get("/models/checkpoints").status_code == 200


def test_an_answer_can_trickle(simulator: RunningSimulator) -> None:
    run(simulator, "p", noise())
    whole = simulator.http.get("/history/p").json()
    simulator.fault("trickle", path="/history", seconds=0.2, chunks=4)
    began = time.monotonic()

    assert simulator.http.get("/history/p").json() == whole
    assert time.monotonic() - began >= 0.1
    with (
        pytest.raises(httpx.ReadTimeout),
        simulator.http.stream("GET", "/history/p", timeout=httpx.Timeout(10, read=0.01)) as answer,
    ):
        answer.read()


def test_an_answer_can_grow_when_it_is_unpacked(simulator: RunningSimulator) -> None:
    simulator.fault("gzip_bomb", path="/history", megabytes=20)
    with simulator.http.stream("GET", "/history") as answer:
        packed = sum(len(chunk) for chunk in answer.iter_raw())

    assert packed < 1 << 16
    assert len(simulator.http.get("/history").content) == (20 << 20) + len("{}")
    assert simulator.http.get("/history").json() == {}


def test_a_file_can_go_on_after_its_end(simulator: RunningSimulator) -> None:
    run(simulator, "p", noise(prefix="file"))
    whole = view(simulator, "file_00001_.png")
    simulator.fault("padded_file", megabytes=2)

    assert view(simulator, "file_00001_.png") == whole + bytes(2 << 20)


def test_a_server_can_ask_for_a_header(simulator: RunningSimulator) -> None:
    guard = simulator.fault("guard", header="Authorization", value="Bearer x")

    assert simulator.http.get("/queue").status_code == 401
    assert simulator.http.get("/queue", headers={"Authorization": "Bearer x"}).status_code == 200
    with pytest.raises(InvalidStatus):
        Listener(simulator, "c")
    guard.clear()
    Listener(simulator, "c").close()


def test_a_server_can_be_served_under_a_base_path() -> None:
    with running_simulator(base_path="/comfy") as simulator:
        assert simulator.http.get("/queue").status_code == 404
        assert simulator.http.get("/comfy/queue").status_code == 200
        assert simulator.http.get("/comfy/api/queue").status_code == 200
        assert simulator.worker_alive

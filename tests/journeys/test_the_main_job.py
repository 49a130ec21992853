"""The main job, as its user has it: the commands, and a job over HTTP and WebSocket."""

import json
import re
import signal
from pathlib import Path
from typing import Any

import psutil
import pytest
from PIL import Image
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.deploy_local.watching import gone
from tests.journeys.conftest import Journey, Start, bearer, until
from tests.journeys.launching import launched

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def variables() -> dict[str, str]:
    """One job at a time is sent to ComfyUI."""
    return {"COMFYUI_SLOTS": "1"}


@pytest.mark.long  # the README's demo shows its picture, and one that Ctrl-C ends leaves nothing
def test_the_demo_shows_a_picture_and_leaves_nothing_running(tmp_path: Path) -> None:
    with launched("demo", tmp_path) as demo:
        seen: set[int] = set()

        def ended() -> bool:
            if demo.process.poll() is None:
                seen.update(demo.children())
            return demo.process.poll() is not None

        until(ended)
        assert demo.process.returncode == 0, demo.said()
    said = demo.said()
    path = re.search(r"Picture +(\S+)", said)
    assert path, said
    with Image.open(path[1]) as picture:
        assert picture.size == (512, 512)
    assert "201 in" in said
    assert "100.0 %" in said
    assert "completed: verified, stored, published" in said
    assert "No model was used" in said
    assert said.splitlines()[-1].startswith("Done. Look at the picture: ")
    assert said.splitlines()[-1].endswith(path[1])
    assert seen
    until(lambda: all(gone(pid) for pid in seen))


@pytest.mark.parametrize(
    ("number", "code"),
    [
        pytest.param(signal.SIGINT, 130, id="Ctrl-C", marks=pytest.mark.long),  # test_the_first_minute.py has it
        pytest.param(signal.SIGTERM, 143, id="TERM", marks=pytest.mark.landing),
        pytest.param(signal.SIGKILL, -9, id="KILL", marks=pytest.mark.landing),
    ],
)
def test_what_was_brought_up_goes_down_with_its_launcher(tmp_path: Path, number: signal.Signals, code: int) -> None:
    with launched("up", tmp_path) as up:
        up.says("Running until Ctrl-C")
        children = up.children()
        assert len(children) > 10, up.said()
        up.process.send_signal(number)
        assert up.ended() == code
        until(lambda: all(gone(pid) for pid in children))
    assert "Traceback" not in up.said()


def step_of(event: dict[str, Any]) -> int:
    """The sampler's step that a snapshot or an event tells of; 0 if it tells of none."""
    told = event.get("progress") or event.get("data") or {}
    return told.get("step") or 0


def test_a_job_is_followed_over_a_real_socket_to_its_end(here: Journey) -> None:
    here.completed(here.submit()["id"])  # from now on the worker's socket is open
    stalls = {step: here.comfyui.fault("stall", step=step) for step in (2, 4, 6, 8)}
    job = here.submit(steps=10)
    heard = []
    address = here.system.api_url.replace("http", "ws", 1) + job["links"]["events"]
    with (
        connect(address, additional_headers=bearer(here.system.key)) as socket,
        pytest.raises(ConnectionClosed) as closed,
    ):
        while True:
            heard.append(json.loads(socket.recv(timeout=60)))
            if stall := stalls.pop(step_of(heard[-1]), None):  # it goes on once this was heard
                stall.clear()
    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1000, "completed")
    assert heard[0]["type"] == "snapshot"
    numbers = [event["sequence"] for event in heard if "sequence" in event]
    assert numbers == list(range(numbers[0], 4))
    percentages = [event["data"]["percentage"] for event in heard if event["type"] == "processing"]
    assert percentages == sorted(percentages)
    assert len(percentages) >= 3, "the steps at which it was held up; the first one may be told in the snapshot"
    assert heard[-1]["type"] == "completed"


@pytest.mark.landing
def test_many_jobs_are_each_run_once_and_the_worker_starts_afresh_on_its_way(journey: Start) -> None:
    with journey(WORKER_MAX_MESSAGES="3", step_seconds=0.01) as here:
        worker = here.system.processes["worker"].pid
        children = {child.pid for child in psutil.Process(worker).children()}
        jobs = [here.submit()["id"] for _ in range(10)]
        for job_id in jobs:
            here.completed(job_id)
        assert here.times_run() == [1] * 10
        assert here.system.processes["worker"].pid == worker, "the same process, executed again"
        until(lambda: children.isdisjoint(child.pid for child in psutil.Process(worker).children()))


def test_a_cancel_reaches_comfyui_and_leaves_others_alone(here: Journey) -> None:
    here.comfyui.pace(step_seconds=3600)
    mine, other = here.submit(), here.submit()
    running = here.sampling(mine["id"])
    here.comfyui.pace(step_seconds=0)
    assert here.http.post(mine["links"]["cancel"]).status_code == 202
    here.when(mine["id"], "cancelled")
    here.completed(other["id"])
    assert here.comfyui.executions()[running["comfyui_prompt_id"]].outcomes == ["interrupted"]

"""What a job's owner waits for besides the GPU: to be started, to be told, to be rid of it."""

import json
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from io import BytesIO
from typing import Any

import httpx
from PIL import Image
from websockets.sync.client import ClientConnection, connect

from tests.bench.figure import Bench, Figure, Measure, Round
from tests.bench.place import Place, Running, Wanted, wait_until
from tests.bench.plain_dramatiq import idle_worker

BODY = {"prompt": "a cat", "checkpoint_model": "random_sd15.safetensors", "width": 64, "height": 64}
STARTED = "POST to running, p50"
PICKED_UP = "POST to running, p50, against idle plain Dramatiq"
TOLD = "server done to completed at the client, less the download"
INTERRUPTED = "cancel to ComfyUI's interrupt, p50"
WITH_INPUT = "how much later a job with a 2 MB input starts"
IDLE_S = 0.25  # before a job: a worker that has just ended one looks for the next at once


@contextmanager
def watching(here: Running, job: dict[str, Any]) -> Iterator[ClientConnection]:
    address = here.apis[0].replace("http", "ws", 1) + job["links"]["events"]
    with connect(address, additional_headers=here.headers) as socket:
        yield socket


def until(socket: ClientConnection, kind: str) -> dict[str, Any]:
    while True:
        event: dict[str, Any] = json.loads(socket.recv(timeout=60))
        if event["type"] == kind or (event["type"] == "snapshot" and event["job"]["status"] == kind):
            return event


def submit(http: httpx.Client, steps: int, seed: int) -> dict[str, Any]:
    body = {**BODY, "sampler_params": {"steps": steps, "seed": seed}}
    return http.post("/api/v1/generation-jobs/", json=body).raise_for_status().json()  # type: ignore[no-any-return]


def time_to_start(http: httpx.Client, seed: int, here: Running) -> tuple[float, float]:
    """Milliseconds from accepted to started, and from ComfyUI's end to the completed event at the client.

    Of the latter, what it takes to download the same file from ComfyUI is taken off. All clocks are one machine's.
    """
    time.sleep(IDLE_S)
    job = submit(http, 1, seed)
    with watching(here, job) as socket:
        until(socket, "completed")
        heard_at = time.time()
    row = http.get(job["links"]["self"]).json()
    accepted, started = (datetime.fromisoformat(row[name]) for name in ("created_at", "started_at"))
    entry = http.get(f"{here.simulators[0]}/history/{row['comfyui_prompt_id']}").json()[row["comfyui_prompt_id"]]
    done_ms = dict(entry["status"]["messages"])["execution_success"]["timestamp"]
    downloaded_ms = time_to_download(http, here, entry)
    return (started - accepted).total_seconds() * 1000, heard_at * 1000 - done_ms - downloaded_ms


def time_to_download(http: httpx.Client, here: Running, entry: dict[str, Any]) -> float:
    """Milliseconds that a plain GET of a prompt's only file takes, on a connection that is open."""
    (image,) = entry["outputs"]["save"]["images"]
    started = time.perf_counter()
    http.get(f"{here.simulators[0]}/view", params=image).raise_for_status()
    return (time.perf_counter() - started) * 1000


def time_to_interrupt(http: httpx.Client, seed: int, here: Running) -> float:
    """Milliseconds from the cancel to the interrupt in ComfyUI's own record."""
    job = submit(http, 150, seed)
    with watching(here, job) as socket:
        until(socket, "processing")
        asked_at = time.time()
        http.post(job["links"]["cancel"]).raise_for_status()
        until(socket, "cancelled")
    prompt_id = http.get(job["links"]["self"]).json()["comfyui_prompt_id"]
    found: dict[str, Any] = {}

    def interrupted() -> bool:
        found.update(http.get(f"{here.simulators[0]}/history/{prompt_id}").json())
        return prompt_id in found

    wait_until(interrupted)
    messages = dict(found[prompt_id]["status"]["messages"])
    return messages["execution_interrupted"]["timestamp"] - asked_at * 1000  # type: ignore[no-any-return]


def uploaded(http: httpx.Client) -> dict[str, Any]:
    """The node that loads a picture of 2 MB, of which few bytes are pixels."""
    encoded = BytesIO()
    Image.new("RGB", (64, 64)).save(encoded, "PNG")
    content = encoded.getvalue() + bytes(2_000_000)
    asset = http.post("/api/v1/assets", files={"file": ("input.png", content)}).raise_for_status().json()
    reference = {"__type": "core/ASSET", "info": {"id": asset["id"]}}
    return {"class_type": "LoadImage", "inputs": {"image": reference}}


def time_to_prompt(http: httpx.Client, here: Running, picture: dict[str, Any]) -> float:
    """Milliseconds from accepted to ComfyUI's own start of a prompt that saves what a node gives."""
    time.sleep(IDLE_S)
    save = {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "x"}}
    body = {"workflow": {"1": picture, "2": save}}
    job = http.post("/api/v1/generation-jobs/", json=body).raise_for_status().json()
    with watching(here, job) as socket:
        until(socket, "completed")
    row = http.get(job["links"]["self"]).json()
    entry = http.get(f"{here.simulators[0]}/history/{row['comfyui_prompt_id']}").json()[row["comfyui_prompt_id"]]
    began_ms = float(dict(entry["status"]["messages"])["execution_start"]["timestamp"])
    return began_ms - datetime.fromisoformat(row["created_at"]).timestamp() * 1000


def how_much_later(http: httpx.Client, here: Running, input_node: dict[str, Any], times: int) -> float:
    """The difference of the medians, each job with an input straight after one without."""
    plain = {"class_type": "EmptyImage", "inputs": {"width": 64, "height": 64, "batch_size": 1, "color": 0}}
    took = [[time_to_prompt(http, here, node) for node in (plain, input_node)] for _ in range(times)]
    without, with_input = (statistics.median(column) for column in zip(*took, strict=True))
    return max(0.1, float(with_input - without))


@contextmanager
def opened(place: Place) -> Iterator[Measure]:
    jobs, cancels = place.few(12, 3), place.few(6, 2)
    options = ("--step-seconds", "0.02", "--load-seconds", "0", "--draw", "flat")
    with (
        place.system(Wanted(simulators=(options,))) as here,
        here.client() as http,
        idle_worker(here.settings) as picked_up,
    ):
        time_to_start(http, 0, here)
        input_node = uploaded(http)
        time_to_prompt(http, here, input_node)

        def measure() -> dict[str, Round]:
            took = [time_to_start(http, seed, here) for seed in range(jobs)]
            started, told = (statistics.median(column) for column in zip(*took, strict=True))
            interrupted = statistics.median(time_to_interrupt(http, seed, here) for seed in range(cancels))
            return {
                STARTED: Round(started, 60),
                PICKED_UP: Round(started, picked_up()),
                TOLD: Round(max(0.1, told), 40),
                INTERRUPTED: Round(interrupted, 150),
                WITH_INPUT: Round(how_much_later(http, here, input_node, jobs), 10),
            }

        yield measure


WAITING = Bench(
    (
        Figure(STARTED, "ms", "60 ms", "<= 1"),
        Figure(PICKED_UP, "ms", "idle plain Dramatiq", "<= 1"),
        Figure(TOLD, "ms", "40 ms", "<= 1"),
        Figure(INTERRUPTED, "ms", "150 ms", "<= 1"),
        Figure(WITH_INPUT, "ms", "10 ms", "<= 1"),
    ),
    opened,
    warm=True,
)

"""What a job's owner waits for besides the GPU: to be started, to be told, to be rid of it."""

import json
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import httpx
from websockets.sync.client import ClientConnection, connect

from tests.bench.figure import Bench, Figure, Measure, Round
from tests.bench.place import Place, Running, Wanted, wait_until
from tests.bench.plain_dramatiq import idle_worker

BODY = {"prompt": "a cat", "checkpoint_model": "random_sd15.safetensors", "width": 64, "height": 64}
STARTED = "POST to running, p50"
PICKED_UP = "POST to running, p50, against idle plain Dramatiq"
TOLD = "server done to completed at the client, less the download"
INTERRUPTED = "cancel to ComfyUI's interrupt, p50"
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

        def measure() -> dict[str, Round]:
            took = [time_to_start(http, seed, here) for seed in range(jobs)]
            started, told = (statistics.median(column) for column in zip(*took, strict=True))
            interrupted = statistics.median(time_to_interrupt(http, seed, here) for seed in range(cancels))
            return {
                STARTED: Round(started, 60),
                PICKED_UP: Round(started, picked_up()),
                TOLD: Round(max(0.1, told), 40),
                INTERRUPTED: Round(interrupted, 150),
            }

        yield measure


WAITING = Bench(
    (
        Figure(STARTED, "ms", "60 ms", "<= 1"),
        Figure(PICKED_UP, "ms", "idle plain Dramatiq", "<= 1"),
        Figure(TOLD, "ms", "40 ms", "<= 1"),
        Figure(INTERRUPTED, "ms", "150 ms", "<= 1"),
    ),
    opened,
    warm=True,
)

"""One job through the whole system, as its user sees it: submitted, watched, and its picture on disk."""

import json
import shutil
import ssl
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

import httpx
from websockets.sync.client import connect

from deploy.local.environment import ask
from deploy.local.ports import free_ports
from deploy.local.process import CannotStart
from deploy.local.system import REPOSITORY, Plan, Say, System, running_system
from shared.configuration.server_urls import ServerUrl
from shared.configuration.settings import environment
from shared.fleet.credentials import NoToken
from shared.outgoing.trust import trust

PICTURES = REPOSITORY / "build" / "demo"
PROMPT = "a lighthouse above a stormy sea at dusk, oil on canvas"
WATCH_FOR_S = 1800.0
BAR = 32


class DemoFailed(CannotStart):
    """The job did not end as it should; the message says how."""


def demo(directory: Path | None, say: Say) -> None:
    """Start everything, run one job, and stop everything. Raises CannotStart."""
    print("Genonaut Generation: one job through the whole system\n\nStarting")
    with tempfile.TemporaryDirectory(prefix="genonaut-demo-") as temporary:
        # Whoever runs PostgreSQL for root must get in, or its data would be kept elsewhere.
        Path(temporary).chmod(0o711)
        plan = Plan(directory or Path(temporary), durable=False, api_ports=free_ports())
        with running_system(plan, environment(), say) as system:
            picture = run_one_job(system, PICTURES)
            is_simulated = system.is_simulated
    print("\nEverything that was started is stopped again; `make up` keeps it running.")
    if is_simulated:
        print("No model was used: the simulated ComfyUI paints by rule. Yours: COMFYUI_URLS=http://gpu:8188 make demo")
    print(f"Done. Look at the picture: {way_to_look_at(picture)}")


def way_to_look_at(picture: Path) -> str:
    """A command that shows it, or where a browser finds it."""
    viewer = "open" if sys.platform == "darwin" else "xdg-open"
    return f"{viewer} {picture}" if shutil.which(viewer) else picture.as_uri()


def run_one_job(system: System, pictures: Path) -> Path:
    """Submit a job, show its progress, write its picture below `pictures`, and tell its story. Raises DemoFailed."""
    authorization = {"Authorization": f"Bearer {system.key}"}
    host = urljoin(system.api_url, "/")  # links are paths of it, with ROOT_PATH in them
    with httpx.Client(base_url=host, headers=authorization, timeout=30) as http:
        job = submit(http, job_body(system))
        events = list(watch(host, job, authorization))
        if events[-1]["type"] != "completed":
            raise DemoFailed(f"the job {events[-1]['type']}: {json.dumps(events[-1].get('data', {}))}")
        saved = [save(http, job, output, pictures) for output in events[-1]["data"]["outputs"]]
        tell_time_line(http, job, events)
    return saved[0]


def job_body(system: System) -> dict[str, Any]:
    """What to ask for: a small picture, from a checkpoint that a server has. Raises DemoFailed if none has any."""
    checkpoint, problem = first_checkpoint(system.settings.comfyui_urls, trust(system.settings.ca_file))
    if not checkpoint:
        raise DemoFailed(problem)
    return {
        "prompt": PROMPT,
        "negative_prompt": "blurry",
        "checkpoint_model": checkpoint,
        "width": 512,
        "height": 512,
        "sampler_params": {"steps": 20},
    }


def first_checkpoint(servers: Sequence[ServerUrl], tls: ssl.SSLContext | None = None) -> tuple[str | None, str]:
    """A checkpoint that one of the ComfyUI servers has; or None, and why. A server may well have none."""
    problems = []
    for server in servers:
        try:
            checkpoints = ask(server, "/models/checkpoints", tls).raise_for_status().json()
        except (httpx.HTTPError, NoToken, ValueError) as error:
            problems.append(f"ComfyUI at {server.name} does not list its checkpoints: {error}")
            continue
        if isinstance(checkpoints, list) and checkpoints:
            return str(checkpoints[0]), ""
        problems.append(f"ComfyUI at {server.name} has no checkpoint; put one into its models/checkpoints")
    return None, "; ".join(problems)


def submit(http: httpx.Client, body: dict[str, Any]) -> dict[str, Any]:
    started = time.perf_counter()
    response = http.post("/api/v1/generation-jobs/", json=body)
    elapsed_ms = (time.perf_counter() - started) * 1000
    if response.status_code != httpx.codes.CREATED:
        raise DemoFailed(f"the API answered {response.status_code}: {response.text}")
    job: dict[str, Any] = response.json()
    print(f'\n"{body["prompt"]}", with {body["checkpoint_model"]}')
    print(f"POST /api/v1/generation-jobs/ -> 201 in {elapsed_ms:.0f} ms: job {job['id']}, {job['status']}\n")
    return job


def watch(host: str, job: dict[str, Any], authorization: dict[str, str]) -> Iterator[dict[str, Any]]:
    """The job's events to its end, drawing its progress on the way."""
    address = urljoin(host.replace("http", "ws", 1), job["links"]["events"])
    bar = ProgressBar()
    with connect(address, open_timeout=10, additional_headers=authorization) as socket:
        while True:
            event: dict[str, Any] = json.loads(socket.recv(timeout=WATCH_FOR_S))
            if event["type"] == "snapshot":
                event = ended_before(event)
            bar.show(event)
            yield event
            if event["type"] in {"completed", "failed", "cancelled", "expired"}:
                return


def ended_before(snapshot: dict[str, Any]) -> dict[str, Any]:
    """A snapshot of a job that has ended already, as the event that said so."""
    job = snapshot["job"]
    data = {"outputs": job["outputs"]} if job["status"] == "completed" else job["error"] or {}
    return {**snapshot, "type": job["status"], "data": data}


class ProgressBar:
    """One line that fills up on a terminal; elsewhere a line for each tenth, and one for the end."""

    def __init__(self) -> None:
        self.on_terminal = sys.stdout.isatty()
        self.tenth = -1

    def show(self, event: dict[str, Any]) -> None:
        match event["type"]:
            case "processing":
                self.draw(event["data"])
            case "completed" | "failed" | "cancelled" | "expired":
                self.tenth = -1  # the last node may have said 100 % before
                self.draw({"percentage": 100.0 if event["type"] == "completed" else 0.0, "node_type": event["type"]})
                if self.on_terminal:
                    print()

    def draw(self, data: dict[str, Any]) -> None:
        percentage, tenth = data["percentage"], int(data["percentage"] // 10)
        filled = round(BAR * percentage / 100)
        step = f" {data['step']}/{data['steps']}" if data.get("steps", 0) > 1 else ""
        line = f"  [{'#' * filled}{'-' * (BAR - filled)}] {percentage:5.1f} %  {data['node_type'] or ''}{step}"
        if self.on_terminal:
            print(f"\r\033[K{line}", end="", flush=True)
        elif tenth != self.tenth:
            print(line, flush=True)
        self.tenth = tenth


def save(http: httpx.Client, job: dict[str, Any], output: dict[str, Any], pictures: Path) -> Path:
    """Download an output as anybody would, and print where it is. Its path."""
    response = http.get(output["url"]).raise_for_status()
    pictures.mkdir(parents=True, exist_ok=True)
    suffix = output["media_type"].partition("/")[2]
    path = pictures / f"job-{job['id']}-{output['number']}.{suffix}"
    path.write_bytes(response.content)
    size = f"{output['width']} x {output['height']} px, {len(response.content):,} bytes"
    print(f"\nPicture     {path}\n            {size}, sha256 {output['sha256'][:16]}...")
    for name, url in sorted(output["thumbnails"].items(), key=lambda item: int(item[0])):
        size = f"{len(http.get(url).raise_for_status().content):>7,} bytes"
        print(f"Thumbnail   {name:>4} px  {size}  {without_signature(url)}")
    return path


def without_signature(url: str) -> str:
    """The address alone, as it is for whoever sends a key."""
    parts = urlsplit(url)
    said = [(name, value) for name, value in parse_qsl(parts.query) if name not in {"expires", "signature"}]
    return f"{parts.path}?{urlencode(said)}" if said else parts.path


def tell_time_line(http: httpx.Client, job: dict[str, Any], events: list[dict[str, Any]]) -> None:
    ended = http.get(job["links"]["self"]).raise_for_status().json()
    accepted = datetime.fromisoformat(ended["created_at"])
    live = [event for event in events if event["type"] == "processing"]
    moments = [("accepted", ended["created_at"]), ("started by a worker", ended["started_at"])]
    if live:
        moments += [("first progress", live[0]["at"]), ("last progress", live[-1]["at"])]
    moments.append(("completed: verified, stored, published", ended["completed_at"]))
    print("\nTime line")
    for name, at in moments:
        print(f"  {(datetime.fromisoformat(at) - accepted).total_seconds():8.3f} s  {name}")

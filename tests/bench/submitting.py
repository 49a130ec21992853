"""How many jobs a second are accepted, against the same rows and messages written in a loop with no HTTP."""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from http import HTTPStatus
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from api_service.doors.comfy_v2.names.places import JOBS as COMFY_JOBS
from api_service.doors.v1.jobs.bodies import JobBody
from api_service.submit.job_request import new_job
from shared.jobs import before_start
from shared.jobs.urls import JOBS
from shared.messaging.messages import RunComfyJob
from tests.bench.figure import Bench, Figure, Measure, Round
from tests.bench.place import REPOSITORY, Place, Running, Wanted
from tests.simulator.graphs import txt2img

BODY = {"prompt": "a cat", "checkpoint_model": "random_sd15.safetensors", "width": 512, "height": 512}
CLIENTS = 16
ONE, TWO = "POST/s, 16 clients, one API process", "POST/s, 16 clients, two API processes"
TAIL = "POST, p99 against p50"
DOOR = "POST of a workflow to /api/v2, p50"
BULK = "jobs/s in bulks of 100, against single posts"


class Client:
    """One connection that is kept, and no more work than a request needs: what is measured is the service."""

    def __init__(self, connection: HTTPConnection, key: str) -> None:
        self.connection = connection
        self.headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}

    def post(self, path: str, body: Any) -> bytes:
        """Post to an address, or to one below the jobs of `/api/v1`."""
        address = path if path.startswith("/") else f"{JOBS}/{path}"
        self.connection.request("POST", address, json.dumps(body).encode(), self.headers)
        with self.connection.getresponse() as answer:
            content = answer.read()
            if answer.status != HTTPStatus.CREATED:
                raise RuntimeError(f"{answer.status}: {content.decode()}")
            return content

    def post_many(self, path: str, body: Any, times: int) -> list[float]:
        """The seconds of each."""
        took = []
        for _ in range(times):
            started = time.perf_counter()
            self.post(path, body)
            took.append(time.perf_counter() - started)
        return took


@contextmanager
def connected(url: str, key: str) -> Iterator[Client]:
    with closing(HTTPConnection(urlsplit(url).netloc, timeout=30)) as connection:
        yield Client(connection, key)


def posting(urls: str, key: str, posts: int) -> None:
    """Post from 16 threads; prints the seconds it took, then those of each post. A process of its own."""
    servers = urls.split(",")

    def post(number: int) -> list[float]:
        with connected(servers[number % len(servers)], key) as client:
            return client.post_many("", BODY, posts // CLIENTS)

    started = time.perf_counter()
    with ThreadPoolExecutor(CLIENTS) as pool:
        took = [seconds for found in pool.map(post, range(CLIENTS)) for seconds in found]
    print(time.perf_counter() - started, *took)


def post_all(here: Running, apis: int, posts: int) -> tuple[float, list[float]]:
    """Posts a second, and the seconds of each, from clients in a process of their own."""
    command = [sys.executable, "-m", "tests.bench.submitting", ",".join(here.apis[:apis]), here.key, str(posts)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    total, *took = map(float, done.stdout.split())
    return len(took) / total, took


def without_http(here: Running, owner: UUID, jobs: int) -> float:
    """Jobs a second of one loop that writes the same rows and sends the same messages."""
    body = JobBody.model_validate(BODY).root
    started = time.perf_counter()
    for _ in range(jobs):
        job = new_job(body.request(None), owner)
        with here.messenger.transaction() as session:
            before_start.submit(session, job)
        assert here.messenger.send(RunComfyJob(job_id=job.id), job.message_id)
    return jobs / (time.perf_counter() - started)


def post_bulks(here: Running, bulks: int) -> float:
    """Jobs a second of one client that posts a hundred at a time."""
    with connected(here.apis[0], here.key) as client:
        return bulks * 100 / sum(client.post_many("bulk", {"jobs": [BODY] * 100}, bulks))


def post_singly(here: Running, posts: int) -> float:
    """Jobs a second of one client that posts one at a time."""
    with connected(here.apis[0], here.key) as client:
        return posts / sum(client.post_many("", BODY, posts))


def at_both_doors(here: Running, posts: int) -> Round:
    """The milliseconds of posting workflows to `/api/v2`, against posting the same to `/api/v1`, in turn."""
    took: dict[str, list[float]] = {COMFY_JOBS: [], "": []}
    with connected(here.apis[0], here.key) as client:
        for seed in range(posts):
            for door, seconds in took.items():
                seconds += client.post_many(door, {"workflow": txt2img(seed=seed)}, 1)
    comfy, ours = (statistics.median(seconds) * 1000 for seconds in took.values())
    return Round(comfy, ours)


def owner_of(here: Running) -> UUID:
    with connected(here.apis[0], here.key) as client:
        return UUID(json.loads(client.post("", BODY))["user_id"])


@contextmanager
def opened(place: Place) -> Iterator[Measure]:
    posts = place.few(800, 64)
    with place.system(Wanted(apis=2, workers=0, scheduler=False)) as here:
        owner = owner_of(here)

        def measure() -> dict[str, Round]:
            limit = without_http(here, owner, posts // 4)
            one, took = post_all(here, 1, posts)
            two, _ = post_all(here, 2, posts)
            tail, middle = statistics.quantiles(took, n=100)[98], statistics.median(took)
            return {
                ONE: Round(one, limit),
                TWO: Round(two, limit),
                TAIL: Round(tail * 1000, middle * 1000),
                DOOR: at_both_doors(here, posts // 4),
                BULK: Round(post_bulks(here, place.few(10, 1)), post_singly(here, posts // 4)),
            }

        yield measure


SUBMITTING = Bench(
    (
        Figure(ONE, "1/s", "a loop without HTTP", ">= 0.5"),
        Figure(TWO, "1/s", "a loop without HTTP", ">= 0.5"),
        Figure(TAIL, "ms", "its p50", "<= 10"),
        Figure(DOOR, "ms", "one to /api/v1", "<= 1.15"),
        Figure(BULK, "1/s", "one client, single posts", ">= 10"),
    ),
    opened,
)


if __name__ == "__main__":
    posting(sys.argv[1], sys.argv[2], int(sys.argv[3]))

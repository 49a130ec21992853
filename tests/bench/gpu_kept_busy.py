"""A graphics card that waits between two jobs is what a queue costs: how long many jobs take, against their GPU time.

Beside that: against posting the same prompts straight to the server, and how much a second and ten servers bring.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import httpx
from sqlalchemy import func
from sqlmodel import col, select

from shared.models import GenerationJob, JobStatus
from shared.workflows.parameters import TextToImage
from shared.workflows.text_to_image import text_to_image, with_filename_prefix
from tests.bench.against_native import AS_A_REAL_ONE
from tests.bench.figure import Bench, Figure, Measure, Round
from tests.bench.place import Place, Running, Wanted, wait_until

SMALL = {"prompt": "a cat", "checkpoint_model": "random_sd15.safetensors", "width": 64, "height": 64}
LARGE = {**SMALL, "width": 512, "height": 512}
FIFTY, TWENTY = "200 jobs of 50 ms GPU time, makespan", "200 jobs of 20 ms GPU time, makespan"
STRAIGHT = "512x512 jobs, real encoding, makespan"
TWO, TEN = "jobs/s of two servers", "jobs/s of ten servers"
BULK = 100  # jobs in one request
WARM_UP = 5  # jobs


def submit_and_wait(here: Running, jobs: int, body: Mapping[str, Any]) -> float:
    """Seconds from the start of the first job to the end of the last.

    They are submitted a hundred at a time and looked for rarely, so that neither takes much of what runs them.
    """
    bodies = [{**body, "sampler_params": {"seed": seed, "steps": 1}} for seed in range(jobs)]
    ids: list[int] = []
    with here.client() as http:
        for batch in range(0, jobs, BULK):
            answer = http.post("/api/v1/generation-jobs/bulk", json={"jobs": bodies[batch : batch + BULK]})
            ids += [job["id"] for job in answer.raise_for_status().json()["jobs"]]
    mine = col(GenerationJob.id).between(ids[0], ids[-1])

    def all_completed() -> bool:
        with here.messenger.transaction() as session:
            done = select(func.count()).where(mine, GenerationJob.status == JobStatus.COMPLETED)
            return session.exec(done).one() == jobs

    wait_until(all_completed, within_s=300, every_s=0.5)
    with here.messenger.transaction() as session:
        span = func.max(GenerationJob.completed_at) - func.min(GenerationJob.started_at)
        return float(session.exec(select(func.extract("epoch", span)).where(mine)).one())


def post_straight(server: str, jobs: int, parameters: Mapping[str, Any], mark: str) -> float:
    """Seconds that the same prompts take when they are posted to the server at once, and their bytes are fetched."""
    ids = [str(uuid4()) for _ in range(jobs)]  # ComfyUI takes no others
    with httpx.Client(base_url=server, timeout=60) as http:
        started = time.perf_counter()
        for seed, prompt_id in enumerate(ids):
            asked = TextToImage.model_validate({**parameters, "params": {"seed": seed, "steps": 1}})
            graph = with_filename_prefix(text_to_image(asked), f"{mark}-{seed}")
            http.post("/prompt", json={"prompt": graph, "prompt_id": prompt_id, "client_id": mark}).raise_for_status()
        for prompt_id in ids:
            while not (entry := http.get(f"/history/{prompt_id}").json()):
                time.sleep(0.02)  # asked more often, the server would have less for what is measured
            (image,) = entry[prompt_id]["outputs"]["save"]["images"]
            http.get("/view", params=image).raise_for_status()
        return time.perf_counter() - started


def paced(seconds: float) -> tuple[str, ...]:
    return ("--gpu-seconds", str(seconds), "--draw", "flat")


@contextmanager
def makespan(place: Place, name: str, seconds: float) -> Iterator[Measure]:
    jobs = place.few(200, 20)
    with place.system(Wanted(simulators=(paced(seconds),))) as here:
        submit_and_wait(here, place.few(WARM_UP, 1), SMALL)
        yield lambda: {name: Round(submit_and_wait(here, jobs, SMALL), jobs * seconds)}


@contextmanager
def straight(place: Place) -> Iterator[Measure]:
    """Half of the straight ones go before ours and half after, so that a machine that gets slower favours neither."""
    jobs = place.few(120, 6)
    with place.system(Wanted(simulators=(AS_A_REAL_ONE,))) as here:
        submit_and_wait(here, place.few(WARM_UP, 1), LARGE)

        def half() -> float:
            return post_straight(here.simulators[0], jobs // 2, LARGE, f"straight-{time.time_ns()}")

        def measure() -> dict[str, Round]:
            before, ours, after = half(), submit_and_wait(here, jobs, LARGE), half()
            return {STRAIGHT: Round(ours, before + after)}

        yield measure


@contextmanager
def more_servers(place: Place, name: str, servers: int, seconds: float, jobs: int) -> Iterator[Measure]:
    """The rate of several servers against that of one, each kept busy with as many jobs."""
    one = Wanted(simulators=(paced(seconds),))
    several = Wanted(simulators=(paced(seconds),) * servers)
    with place.system(one) as alone, place.system(several) as together:
        submit_and_wait(alone, 1, SMALL)
        submit_and_wait(together, servers, SMALL)

        def measure() -> dict[str, Round]:
            alone_s = submit_and_wait(alone, jobs, SMALL)
            together_s = submit_and_wait(together, jobs * servers, SMALL)
            return {name: Round(jobs * servers / together_s, jobs / alone_s)}

        yield measure


FIFTY_MS = Bench((Figure(FIFTY, "s", "200 x 50 ms", "<= 1.05"),), lambda place: makespan(place, FIFTY, 0.05), warm=True)
TWENTY_MS = Bench(
    (Figure(TWENTY, "s", "200 x 20 ms", "<= 1.3"),), lambda place: makespan(place, TWENTY, 0.02), warm=True
)
AGAINST_STRAIGHT = Bench((Figure(STRAIGHT, "s", "posted straight to the server", "<= 1.1"),), straight, warm=True)
TWO_SERVERS = Bench(
    (Figure(TWO, "1/s", "one server", ">= 1.9"),),
    lambda place: more_servers(place, TWO, 2, 0.1, place.few(36, 5)),
    warm=True,
)
TEN_SERVERS = Bench(
    (Figure(TEN, "1/s", "one server", ">= 9.5"),),
    lambda place: more_servers(place, TEN, place.few(10, 3), 1.0, place.few(6, 1)),
    warm=True,
)

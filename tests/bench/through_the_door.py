"""What a program that speaks ComfyUI waits for here, against the same program at a bare server; and what it costs."""

import asyncio
import json
import statistics
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import psutil
from websockets.sync.client import connect

from tests.bench.against_native import WARM_UP, beside, cpu_s, graph
from tests.bench.figure import Bench, Figure, Measure, Round
from tests.bench.place import Place, Running

HEARD = "30 prompts of 512x512 noise, POST to `executing` null"
POLLED = "CPU of an API process while 50 clients poll /history/{id}"
UNCHANGED = "/object_info that is unchanged, p99"
CLIENTS, POLL_S = 50, 0.1
LISTENER = "bench"


def heard(server: str, headers: Mapping[str, str], prompts: int) -> float:
    """Seconds from the first prompt sent to the last end heard, by one socket."""
    parts = urlsplit(server)
    with connect(f"ws://{parts.netloc}/ws?clientId={LISTENER}", additional_headers=headers) as socket:
        http = HTTPConnection(parts.netloc, timeout=60)
        began = time.perf_counter()
        waiting = {posted(http, headers) for _ in range(prompts)}
        while waiting:
            message = socket.recv(timeout=60)
            found: dict[str, Any] = json.loads(message) if isinstance(message, str) else {"type": "preview"}
            if found["type"] == "executing" and found["data"]["node"] is None:
                waiting.discard(found["data"]["prompt_id"])
        took = time.perf_counter() - began
        http.close()
        return took


def posted(http: HTTPConnection, headers: Mapping[str, str], size: int = 512) -> str:
    body = json.dumps({"prompt": graph(size), "client_id": LISTENER})
    http.request("POST", "/prompt", body, {"Content-Type": "application/json", **headers})
    return str(json.loads(http.getresponse().read())["prompt_id"])


@contextmanager
def listening(place: Place) -> Iterator[Measure]:
    prompts = place.few(30, 4)
    with beside(place) as (here, server):
        heard(here.apis[0], here.headers, WARM_UP)

        def measure() -> dict[str, Round]:
            before = heard(server, {}, prompts // 2)
            ours = heard(here.apis[0], here.headers, prompts)
            after = heard(server, {}, prompts // 2)
            return {HEARD: Round(1000 * ours / prompts, 1000 * (before + after) / (2 * (prompts // 2)))}

        yield measure


@contextmanager
def polling(place: Place) -> Iterator[Measure]:
    """Half of them ask for a prompt that has ended, half for one that is nowhere, as one that waits is."""
    lasts_s = place.few(10, 1)
    with beside(place) as (here, _server):
        with closing(HTTPConnection(urlsplit(here.apis[0]).netloc)) as http:
            ended = posted(http, here.headers, 64)
        api = psutil.Process(here.processes["api-0"].pid)

        def measure() -> dict[str, Round]:
            before, began = cpu_s([api]), time.perf_counter()
            asyncio.run(poll_all(here, ended, lasts_s))
            return {POLLED: Round((cpu_s([api]) - before) / (time.perf_counter() - began), 0.25)}

        yield measure


async def poll_all(here: Running, ended: str, lasts_s: float) -> None:
    ids = [ended, "00000000-0000-4000-8000-000000000000"]
    async with aiohttp.ClientSession(here.apis[0], headers=here.headers) as http:
        await asyncio.gather(*(poll(http, f"/history/{ids[number % 2]}", lasts_s) for number in range(CLIENTS)))


async def poll(http: aiohttp.ClientSession, path: str, lasts_s: float) -> None:
    loop = asyncio.get_running_loop()
    until = loop.time() + lasts_s
    while (began := loop.time()) < until:
        async with http.get(path) as answer:
            answer.raise_for_status()
            await answer.read()
        await asyncio.sleep(max(0.0, began + POLL_S - loop.time()))


@contextmanager
def unchanged(place: Place) -> Iterator[Measure]:
    times = place.few(1000, 50)
    with beside(place) as (here, _server), closing(HTTPConnection(urlsplit(here.apis[0]).netloc)) as http:
        tag = asked(http, here.headers)[1]

        def measure() -> dict[str, Round]:
            took = []
            for _ in range(times):
                began = time.perf_counter()
                status, _ = asked(http, {**here.headers, "If-None-Match": tag})
                took.append(1000 * (time.perf_counter() - began))
                assert status == 304, status
            return {UNCHANGED: Round(statistics.quantiles(took, n=100)[98], 50)}

        yield measure


def asked(http: HTTPConnection, headers: Mapping[str, str]) -> tuple[int, str]:
    http.request("GET", "/object_info", headers=dict(headers))
    answer = http.getresponse()
    answer.read()
    return answer.status, answer.headers["ETag"]


BENCHES: Mapping[str, Bench] = {
    "door-512": Bench((Figure(HEARD, "ms", "the same program at a bare server", "<= 1.1"),), listening, warm=True),
    "door-polling": Bench((Figure(POLLED, "cores", "a quarter of a core", "<= 1"),), polling, warm=True),
    "door-unchanged": Bench((Figure(UNCHANGED, "ms", "50 ms", "<= 1"),), unchanged, warm=True),
}

"""`python -m tests.pages.figures`: how fast the pages are, by Chromium's own tracing, against what they may take.

It says and asserts nothing: the clock is that of a machine that may do other things too, the processor's time is not.
Each figure is the median of five runs, which stand behind it. `--only scrolling` takes those with this word.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from types import MappingProxyType
from typing import Any

import httpx
from playwright.sync_api import Browser, Page

from deploy.local.ports import free_ports
from deploy.local.system import FULL, USER, Plan, System, running_system
from shared.accounts.browsers import create_code, link_with
from shared.accounts.users import user_named
from shared.database.engine import create_engine, transaction
from tests.journeys.conftest import BODY, bearer
from tests.pages.chromium import running_chromium
from tests.pages.conftest import DESKTOP
from tests.pages.many_pictures import copy_job
from tests.pages.tracing import Longest, longest_task

PICTURES = 10_000
LIVE = 500
ROUNDS = 5
JOBS = "/api/v1/generation-jobs/"
PAINTED = """() => new Promise((done) => {
    let last = 0;
    new PerformanceObserver((list) => {
        for (const { startTime } of list.getEntries()) last = startTime;
    }).observe({ type: "largest-contentful-paint", buffered: true });
    setTimeout(() => done(last), 3000);
})"""
FRAMES = """(step) => new Promise((done) => {
    const frames = [];
    const began = performance.now();
    let last = began;
    const next = (now) => {
        frames.push(now - last);
        last = now;
        scrollBy(0, step);
        if (now - began < 5000) requestAnimationFrame(next);
        else done(Math.max(...frames.slice(1)));
    };
    requestAnimationFrame(next);
})"""
WATCH_EVENTS = """() => {
    window.slowest = 0;
    window.observed?.disconnect();
    window.observed = new PerformanceObserver((list) => {
        for (const { duration } of list.getEntries()) window.slowest = Math.max(window.slowest, duration);
    });
    window.observed.observe({ type: "event", durationThreshold: 16 });
}"""
WHEEL = 60  # pixels a frame: a finger that flicks
DRAGGED = 600  # the bar at the side, dragged


@dataclass(frozen=True)
class Figure:
    """Something that was measured some times, in milliseconds, and what it may be."""

    name: str
    limit_ms: float
    tasks: list[Longest]
    walls_ms: list[float]

    def __str__(self) -> str:
        cpu = f"{median(task.cpu_ms for task in self.tasks):6.1f}" if self.tasks else "     -"
        clock = ", ".join(f"{wall:.0f}" for wall in self.walls_ms)
        cpus = "; cpu " + ", ".join(f"{task.cpu_ms:.1f}" for task in self.tasks) if self.tasks else ""
        return f"{self.name:44} {self.limit_ms:7.0f} {cpu} {median(self.walls_ms):7.0f}  clock {clock}{cpus}"


Measure = Callable[[str, Page], Figure]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.pages.figures", description=__doc__)
    parser.add_argument("--only", default="", metavar="WORD", help="figures with this word in their name")
    only = parser.parse_args().only
    with tempfile.TemporaryDirectory(prefix="genonaut-figures-") as folder, system_in(Path(folder)) as system:
        fill(system)
        with running_chromium() as browser:
            page = signed_in(browser, system)
            print(f"{'':44} {'limit':>7} {'cpu':>6} {'clock':>7}  (ms, median of {ROUNDS})")
            chosen = [(name, measure) for name, measure in FIGURES.items() if only in name]
            is_live = False
            for name, measure in chosen:
                if "live" in name and not is_live:
                    make_live(system)
                    is_live = True
                print(measure(name, page), flush=True)


def paint_of(path: str) -> Measure:
    def measure(name: str, page: Page) -> Figure:
        return Figure(name, 1000, [], [painted(page, path) for _ in range(ROUNDS)])

    return measure


def scrolling(step: int) -> Measure:
    def measure(name: str, page: Page) -> Figure:
        page.goto("/gallery")
        page.locator(".tile img").first.wait_for()
        return rounds(name, 50, page, lambda: page.evaluate(FRAMES, step))

    return measure


def using(path: str, deed: Callable[[Page], float]) -> Measure:
    def measure(name: str, page: Page) -> Figure:
        page.goto(path)
        page.reload()
        return rounds(name, 100, page, lambda: deed(page))

    return measure


def rounds(name: str, limit_ms: float, page: Page, deed: Callable[[], float]) -> Figure:
    walls: list[float] = []
    tasks = [longest_task(page, lambda: walls.append(deed())) for _ in range(ROUNDS)]
    return Figure(name, limit_ms, tasks, walls)


def painted(page: Page, path: str) -> float:
    page.goto("about:blank")
    page.goto(path)
    return float(page.evaluate(PAINTED))


def use_studio(page: Page) -> float:
    return slowest_event(page, lambda: page.get_by_label("Prompt").press_sequentially("a lighthouse", delay=30))


def use_jobs(page: Page) -> float:
    def choose() -> None:
        for name in ("Running", "All"):
            page.get_by_role("button", name=name).click()

    return slowest_event(page, choose)


def slowest_event(page: Page, deed: Callable[[], Any]) -> float:
    """How long the page took to show what one of the events brought about, as the browser counts it."""
    page.evaluate(WATCH_EVENTS)
    deed()
    page.wait_for_timeout(500)
    return float(page.evaluate("window.slowest"))


@contextmanager
def system_in(folder: Path) -> Iterator[System]:
    plan = Plan(folder, durable=False, api_ports=free_ports(), simulator_options=("--step-seconds", "0.2"))
    with running_system(plan, plain_environ(), say=lambda what: print(f"starting {what}", flush=True)) as system:
        yield system


def plain_environ() -> dict[str, str]:
    """For a system in which nobody is refused for doing much."""
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "TMPDIR", "LANG"}}
    return {**kept, "APP_ENV": "test", "LIMIT_REQUESTS_PER_MINUTE": "none", "LIMIT_QUEUED_JOBS": "none"}


def client(system: System) -> httpx.Client:
    return httpx.Client(base_url=system.api_url, headers=bearer(system.key), timeout=60)


def fill(system: System) -> None:
    """One job that really ran, and ten thousand like it."""
    with client(system) as http:
        job = http.post(JOBS, json={**BODY, "width": 512, "height": 512}, headers={"Prefer": "wait=60"}).json()["id"]
    engine = create_engine(system.settings, application="figures")
    copy_job(engine, job, PICTURES)
    engine.dispose()


def make_live(system: System) -> None:
    with client(system) as http:
        for _ in range(LIVE // 100):
            http.post(
                f"{JOBS}bulk", json={"jobs": [{**BODY, "sampler_params": {"steps": 50}}] * 100}
            ).raise_for_status()
    time.sleep(1)  # the first of them run, and are heard of


def signed_in(browser: Browser, system: System) -> Page:
    engine = create_engine(system.settings, application="figures")
    with transaction(engine) as session:
        link = link_with(system.api_url, create_code(session, user_named(session, USER).id, FULL))
    engine.dispose()
    page = browser.new_context(base_url=system.api_url, **DESKTOP).new_page()
    page.goto(link)
    page.wait_for_url("**/studio")
    return page


# The names are what `--only` looks at. Those with live jobs come last: nothing else is to be measured beside these.
FIGURES: Mapping[str, Measure] = MappingProxyType(
    {
        **{f"largest paint of {path}": paint_of(path) for path in ("/studio", "/gallery", "/dashboard")},
        f"scrolling through {PICTURES} pictures": scrolling(WHEEL),
        f"dragging the bar through {PICTURES} pictures": scrolling(DRAGGED),
        f"using /studio with {LIVE} jobs live": using("/studio", use_studio),
        f"using /dashboard#/jobs with {LIVE} jobs live": using("/dashboard#/jobs", use_jobs),
    }
)

if __name__ == "__main__":
    main()

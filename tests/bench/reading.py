"""What is read costs the same with ten thousand jobs as with a million."""

import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from tests.bench.figure import Bench, Figure, Measure, Round
from tests.bench.place import Place, Running, Wanted
from tests.jobs import USER
from tests.population import Population, populate

JOBS = "/api/v1/generation-jobs/"
SMALL, LARGE = 10_000, 1_000_000
ONE, FIRST, DEEP, STATISTICS = "GET a job", "list, page 1", "list, page 1,000", "statistics"
READS = (ONE, FIRST, DEEP, STATISTICS)
PAGE, LARGEST_PAGE = 5, 200  # jobs


def milliseconds(http: httpx.Client, url: str, times: int) -> float:
    """The median of how long an answer takes."""
    took = []
    for _ in range(times):
        started = time.perf_counter()
        http.get(url).raise_for_status()
        took.append((time.perf_counter() - started) * 1000)
    return statistics.median(took)


def addresses(http: httpx.Client, pages: int) -> dict[str, str]:
    """What is read, by figure. A cursor is good for pages of any size, so large ones lead to the small one wanted."""
    all_of_them = f"{JOBS}?user_id=all"
    first = f"{all_of_them}&limit={PAGE}"
    page: dict[str, Any] = http.get(first).raise_for_status().json()
    newest = page["items"][0]["id"]
    before = (pages - 2) * PAGE  # jobs between this page and the one wanted
    while before:
        limit = min(before, LARGEST_PAGE)
        page = http.get(f"{all_of_them}&limit={limit}&cursor={page['cursor']}").raise_for_status().json()
        before -= limit
    deep = f"{first}&cursor={page['cursor']}"
    return {ONE: f"{JOBS}{newest // 2}", FIRST: first, DEEP: deep, STATISTICS: f"{JOBS}stats?user_id={USER}&days=366"}


@contextmanager
def filled(place: Place, jobs: int) -> Iterator[Running]:
    with place.system(Wanted(workers=0, scheduler=False)) as here:
        populate(here.engine, Population(jobs))
        yield here


@contextmanager
def opened(place: Place) -> Iterator[Measure]:
    small, large = place.few(SMALL, 2_000), place.few(LARGE, 20_000)
    pages, times = place.few(1000, 20), place.few(30, 3)
    with filled(place, small) as few, filled(place, large) as many, few.client() as to_few, many.client() as to_many:
        of_few, of_many = addresses(to_few, pages), addresses(to_many, pages)
        for read in READS:
            milliseconds(to_few, of_few[read], times)
            milliseconds(to_many, of_many[read], times)

        def measure() -> dict[str, Round]:
            return {
                name_of(read): Round(
                    milliseconds(to_many, of_many[read], times), milliseconds(to_few, of_few[read], times)
                )
                for read in READS
            }

        yield measure


def name_of(read: str) -> str:
    return f"{read}, a million jobs against ten thousand"


READING = Bench(tuple(Figure(name_of(read), "ms", "ten thousand jobs", "<= 2") for read in READS), opened, warm=True)

"""A long film plays on from where one seeks to, and the rest of it need not come before."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, Response, expect

from tests.journeys.conftest import until
from tests.pages.conftest import Opened, Visit
from tests.pages.test_media import node
from tests.simulator.running import running_simulator

pytestmark = [pytest.mark.system, pytest.mark.long]

FRAMES, EACH_SECOND = 160, 8.0
# Noise: it hardly becomes smaller, so the film has some megabytes.
FILM = {
    "1": node("EmptyImage", width=320, height=240, batch_size=FRAMES, color=255),
    "2": node("ImageAddNoise", image=["1", 0], seed=1, strength=0.5),
    "3": node("CreateVideo", images=["2", 0], fps=EACH_SECOND),
    "4": node("SaveVideo", video=["3", 0], format="auto", codec="auto"),
}
LABEL = "draws-noise"
LATE = 0.9
SLOW_BYTES_S = 300_000
SEEK = """(film, part) => new Promise((done) => {
    film.muted = true;
    film.onseeked = () => film.play().then(() => setTimeout(() => done(film.currentTime / film.duration), 500));
    film.currentTime = part * film.duration;
})"""


@pytest.fixture
def film(system: Visit) -> Iterator[dict[str, Any]]:
    """The only output of a job: a film that a server of its own made, as the others draw one colour."""
    with running_simulator(draw="real") as painter:
        system.http.post("/api/v1/servers", json={"url": painter.url, "labels": [LABEL]}).raise_for_status()

        def is_up() -> bool:
            return any(
                one["state"] == "up" and LABEL in one["labels"]
                for one in system.http.get("/api/v1/servers").json()["items"]
            )

        until(is_up)
        body = {"workflow": FILM, "requires": [LABEL]}
        made = system.http.post("/api/v1/generation-jobs/", json=body)
        made.raise_for_status()
        (output,) = system.completed(made.json()["id"])["outputs"]
        yield output
        system.http.delete("/api/v1/servers", params={"server": painter.url}).raise_for_status()


def slow_down(page: Page) -> None:
    """Let the film come no faster than a usual line brings it, so that it is not there before one seeks."""
    session = page.context.new_cdp_session(page)
    limits = {"offline": False, "latency": 5, "downloadThroughput": SLOW_BYTES_S, "uploadThroughput": SLOW_BYTES_S}
    session.send("Network.emulateNetworkConditions", limits)


def test_one_seeks_to_the_end_of_a_film_before_it_has_come(film: dict[str, Any], opened: Opened) -> None:
    assert film["size_bytes"] > 5 * SLOW_BYTES_S
    page = opened("/gallery")
    parts: list[tuple[int, str]] = []

    def note(response: Response) -> None:
        if response.request.resource_type == "media":
            parts.append((response.status, response.headers.get("content-range", "")))

    page.on("response", note)
    slow_down(page)
    page.locator(".tile .open").first.click()
    player = page.locator(".other-kind video")
    expect(player).to_be_visible()
    page.wait_for_function("() => document.querySelector('.other-kind video')?.readyState >= 1")
    assert player.evaluate(SEEK, LATE) >= LATE
    assert {status for status, _ in parts} == {206}
    began = [int(said.removeprefix("bytes ").partition("-")[0]) for _, said in parts]
    assert max(began) > LATE / 2 * film["size_bytes"], parts

"""Pictures are shown by signed addresses, which cost nothing of a user's rate, and are asked for anew when they end."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, Request, Route, expect

from tests.pages.conftest import Opened, Visit
from tests.pages.test_gallery import JOBS, made, tiles
from tests.pages.watching import Watch

pytestmark = [pytest.mark.system, pytest.mark.landing]

MANY = 30
SHOWN = ".tile img"
ARE_LOADED = "all => all.length > 0 && all.every((one) => one.complete && one.naturalWidth > 0)"
EXPIRED = "2020-01-01T00:00:00Z"
FILM = {
    "1": {"class_type": "EmptyImage", "inputs": {"width": 64, "height": 64, "batch_size": 8, "color": 255}},
    "2": {
        "class_type": "SaveWEBM",
        "inputs": {"images": ["1", 0], "codec": "vp9", "fps": 8.0, "crf": 32.0, "filename_prefix": "x"},
    },
}


class Asked:
    """What a page asked for, and what it was given where that is made to look old."""

    def __init__(self, page: Page) -> None:
        self.lists: list[Request] = []
        self.details: list[Request] = []
        self.pictures: list[Request] = []
        page.on("request", self.note)

    def note(self, request: Request) -> None:
        path = request.url.partition("?")[0]
        if path.endswith(JOBS):
            self.lists.append(request)
        elif "/outputs/" in path or "/thumbnails/" in path:
            self.pictures.append(request)
        elif JOBS in path and path.rpartition("/")[2].isdigit():
            self.details.append(request)


def grow_old(page: Page) -> None:
    """The first list that the page is given has addresses that ended long ago."""

    def answer(route: Route) -> None:
        response = route.fetch()
        body = response.json()
        for job in body["items"]:
            age(job["first_output"])
        route.fulfill(response=response, json=body)

    page.route(f"**{JOBS}?*", answer, times=1)


def grow_old_unseen(page: Page) -> None:
    """The first detail of a job that the page is given has addresses that no longer hold, and does not say so."""

    def answer(route: Route) -> None:
        response = route.fetch()
        body = response.json()
        for output in body["outputs"]:
            until = output["url_expires_at"]
            age(output)
            output["url_expires_at"] = until
        route.fulfill(response=response, json=body)

    page.route(re.compile(rf"{JOBS}\d+$"), answer, times=1)


def age(output: dict[str, Any]) -> None:
    output["url_expires_at"] = EXPIRED
    output["url"] = ended(output["url"])
    output["thumbnails"] = {size: ended(url) for size, url in output["thumbnails"].items()}


def ended(url: str) -> str:
    """Such an address with another end, for which its signature is none."""
    path, _, _ = url.partition("?")
    return f"{path}?expires=1577836800&signature={'A' * 43}"


def all_loaded(page: Page) -> None:
    page.wait_for_function(f"() => ({ARE_LOADED})([...document.querySelectorAll('{SHOWN}')])")


def test_all_that_is_asked_for_with_a_rate_are_lists(opened: Opened, system: Visit) -> None:
    made(system, *(f"picture {number}" for number in range(3)))
    page = opened(None)
    asked = Asked(page)
    page.goto("/gallery")
    expect(tiles(page)).to_have_count(3)
    all_loaded(page)
    assert len(asked.pictures) == 3
    assert all("signature=" in one.url for one in asked.pictures)
    assert (len(asked.lists), asked.details) == (1, [])


def test_addresses_that_ended_are_renewed_for_all_that_is_seen_by_one_request(
    opened: Opened, system: Visit, watch: Watch
) -> None:
    watch.allow("status of 401")
    made(system, *(f"picture {number}" for number in range(MANY)))
    page = opened(None)
    grow_old(page)
    asked = Asked(page)
    page.goto("/gallery")
    expect(tiles(page)).to_have_count(MANY)
    all_loaded(page)
    assert (len(asked.lists), asked.details) == (2, [])


def test_the_studio_renews_the_addresses_of_what_it_shows(opened: Opened, system: Visit, watch: Watch) -> None:
    watch.allow("status of 401")
    made(system, "a harbour")
    page = opened(None)
    page.clock.install()
    grow_old(page)
    page.goto("/studio")
    picture = page.locator(".job .shots img")
    expect(picture).to_have_count(1)
    assert not picture.evaluate("one => one.naturalWidth")
    page.clock.fast_forward(60_000)
    page.wait_for_function("() => document.querySelector('.job .shots img')?.naturalWidth > 0")


def test_a_mask_is_painted_over_a_picture_whose_address_has_ended(opened: Opened, system: Visit, watch: Watch) -> None:
    watch.allow("status of 401")
    made(system, "a harbour")
    (job,) = system.http.get(JOBS).json()["items"]
    output = system.job(job["id"])["outputs"][0]["id"]
    page = opened(None)
    grow_old_unseen(page)
    page.goto(f"/studio#image={output}&job={job['id']}")
    small = page.locator(".input-picture img")
    page.wait_for_function("() => document.querySelector('.input-picture img')?.naturalWidth > 0")
    # As it would be after an hour: the dialog asks for the large picture only now.
    assert "signature=A" not in str(small.get_attribute("src"))
    page.get_by_role("button", name="Repaint a part only").click()
    page.wait_for_function("() => document.querySelector('.masked canvas')?.width > 0")
    page.get_by_role("button", name="Everything").click()
    expect(page.get_by_text("100 % is repainted")).to_be_visible()


def test_a_film_plays_though_its_address_has_ended_since_it_was_opened(
    opened: Opened, system: Visit, watch: Watch
) -> None:
    watch.allow("status of 401")
    job = system.http.post(JOBS, json={"workflow": FILM}, headers={"Prefer": "wait=30"}).json()
    assert job["status"] == "completed", job["error"]
    page = opened(None)
    page.goto("/gallery")
    grow_old_unseen(page)
    tiles(page).first.click()
    film = page.locator(".other-kind video")
    expect(film).to_be_visible()
    page.wait_for_function("() => document.querySelector('.other-kind video')?.readyState >= 2")
    assert "signature=AAAA" not in str(film.get_attribute("src"))

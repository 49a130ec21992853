"""Pictures are shown by signed addresses, which cost nothing of a user's rate, and are asked for anew when they end."""

from typing import Any

import pytest
from playwright.sync_api import Page, Request, Route, expect

from tests.pages.conftest import Opened, Visit
from tests.pages.test_gallery import JOBS, made, tiles
from tests.pages.watching import Watch

pytestmark = pytest.mark.system

MANY = 30
SHOWN = ".tile img"
ARE_LOADED = "all => all.length > 0 && all.every((one) => one.complete && one.naturalWidth > 0)"
EXPIRED = "2020-01-01T00:00:00Z"


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


def blank(opened: Opened) -> Page:
    """A page of somebody who is signed in, that asks for nothing."""
    page = opened(None)
    page.goto("about:blank")
    return page


def grow_old(page: Page) -> None:
    """The first list that the page is given has addresses that ended long ago."""

    def answer(route: Route) -> None:
        response = route.fetch()
        body = response.json()
        for job in body["items"]:
            age(job["first_output"])
        route.fulfill(response=response, json=body)

    page.route(f"**{JOBS}?*", answer, times=1)


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
    page = blank(opened)
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
    page = blank(opened)
    grow_old(page)
    asked = Asked(page)
    page.goto("/gallery")
    expect(tiles(page)).to_have_count(MANY)
    all_loaded(page)
    assert (len(asked.lists), asked.details) == (2, [])


def test_the_studio_renews_the_addresses_of_what_it_shows(opened: Opened, system: Visit, watch: Watch) -> None:
    watch.allow("status of 401")
    made(system, "a harbour")
    page = blank(opened)
    page.clock.install()
    grow_old(page)
    page.goto("/studio")
    picture = page.locator(".job .shots img")
    expect(picture).to_have_count(1)
    assert not picture.evaluate("one => one.naturalWidth")
    page.clock.fast_forward(60_000)
    page.wait_for_function("() => document.querySelector('.job .shots img')?.naturalWidth > 0")

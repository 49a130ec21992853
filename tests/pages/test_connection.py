"""A connection that is lost is said while it is, and no longer; what did not come meanwhile is asked for by itself."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.journeys.conftest import until
from tests.pages.conftest import Opened, Visit
from tests.pages.test_studio import done, make
from tests.pages.test_trouble import REACHED
from tests.pages.watching import Watch

MOST_IN_VAIN = 30  # requests for six pictures that are passed while nobody answers
pytestmark = [pytest.mark.system, pytest.mark.landing]


@pytest.mark.parametrize("path", ["/studio", "/gallery", "/dashboard", "/dashboard#/webhooks"])
def test_a_network_that_goes_is_said_at_once_and_so_is_its_return(opened: Opened, watch: Watch, path: str) -> None:
    watch.allow("ERR_INTERNET_DISCONNECTED")
    page = opened(path)
    page.wait_for_load_state("networkidle")
    page.context.set_offline(True)
    expect(page.get_by_text(REACHED)).to_be_visible()
    page.context.set_offline(False)
    expect(page.get_by_text(REACHED)).to_have_count(0)


def test_what_is_shown_is_asked_for_anew_once_the_connection_is_mended(
    opened: Opened, system: Visit, watch: Watch
) -> None:
    watch.allow("ERR_INTERNET_DISCONNECTED")
    page = opened("/dashboard#/webhooks")
    expect(page.get_by_role("heading", name="You have no webhook")).to_be_visible()
    page.context.set_offline(True)
    expect(page.get_by_text(REACHED)).to_be_visible()
    body = {"url": "https://example.com/done", "event_types": ["job.completed"]}
    system.http.post("/api/v1/webhooks", json=body).raise_for_status()
    page.context.set_offline(False)
    expect(page.get_by_role("row", name="example.com")).to_be_visible()


def lost(page: Page, is_lost: bool) -> None:
    page.context.set_offline(is_lost)
    expect(page.get_by_text(REACHED)).to_have_count(int(is_lost))


def away_and_back(page: Page, meanwhile: Callable[[], None]) -> Locator:
    """Lose the network, do something in vain, and have it back. What was said meanwhile."""
    page.wait_for_load_state("networkidle")
    lost(page, True)
    meanwhile()
    said = page.get_by_text("The service does not answer")
    expect(said.first).to_be_visible()
    lost(page, False)
    return said


def test_the_studio_says_no_longer_than_it_is_so_that_nobody_answers(page: Page, watch: Watch) -> None:
    watch.allow("ERR_INTERNET_DISCONNECTED")
    page.get_by_role("button", name="Small").click()
    expect(away_and_back(page, lambda: make(page))).to_have_count(0)
    page.get_by_role("button", name="Make").click()
    done(page)
    again = page.get_by_role("button", name="Again")
    expect(away_and_back(page, again.click)).to_have_count(0)


def test_a_form_of_the_dashboard_says_no_longer_than_it_is_so_that_nobody_answers(opened: Opened, watch: Watch) -> None:
    watch.allow("ERR_INTERNET_DISCONNECTED")
    page = opened("/dashboard#/webhooks")
    page.get_by_role("button", name="New webhook").click()
    page.get_by_label("Address").fill("https://example.com/done")
    dialog = page.get_by_role("dialog")
    expect(away_and_back(page, dialog.get_by_role("button", name="Add").click)).to_have_count(0)
    expect(page.get_by_label("Address")).to_have_value("https://example.com/done")
    dialog.get_by_role("button", name="Add").click()
    expect(page.locator(".key")).to_contain_text("whsec_")


def test_the_gallery_asks_again_by_itself_once_somebody_answers(opened: Opened, system: Visit, watch: Watch) -> None:
    watch.allow("ERR_INTERNET_DISCONNECTED")
    system.completed(system.submit(prompt="a lighthouse")["id"])
    page = opened("/gallery")
    expect(page.locator(".tile")).to_have_count(1)
    expect(away_and_back(page, lambda: page.get_by_label("Search").fill("lighthouse"))).to_have_count(0)
    expect(page.locator(".tile")).to_have_count(1)


def test_pictures_that_did_not_come_are_asked_for_once_somebody_answers(
    opened: Opened, system: Visit, watch: Watch
) -> None:
    for words in ("ERR_INTERNET_DISCONNECTED", "ERR_FAILED"):
        watch.allow(words)
    for number in range(6):
        system.completed(system.submit(prompt=f"wave {number}")["id"])
    page = opened(None)
    page.route("**/thumbnails/**", lambda route: route.abort())
    page.goto("/gallery")
    expect(page.locator(".tile img")).to_have_count(6)
    expect(page.locator(".tile img").first).to_have_js_property("complete", True)
    page.unroute("**/thumbnails/**")
    lost(page, True)
    lost(page, False)
    until(lambda: all(page.locator(".tile img").evaluate_all("all => all.map((one) => one.naturalWidth)")))
    page.locator(".tile .open").first.click()
    expect(page.locator(".pswp__counter")).to_have_text("1 / 6")
    page.wait_for_load_state("networkidle")
    lost(page, True)
    failed: list[str] = []
    page.on("requestfailed", lambda request: failed.append(request.url))
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    expect(page.locator(".pswp__counter")).to_have_text("6 / 6")
    until(lambda: page.evaluate("true") and bool(failed))  # its events come while it is asked for something
    page.wait_for_load_state("networkidle")
    assert len(failed) < MOST_IN_VAIN, f"what nobody answers is asked for once: {len(failed)}"
    lost(page, False)
    shown = page.locator(".pswp__item[aria-hidden=false] img:not(.pswp__img--placeholder)")
    expect(shown).to_have_attribute("src", re.compile(r"/outputs/\d+(\?|$)"))
    expect(shown).not_to_have_js_property("naturalWidth", 0)

"""The gallery, as who looks for a picture of theirs has it."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.journeys.conftest import until
from tests.pages.conftest import PHONE, Opened, Visit
from tests.pages.looks import barriers, screenshot, scrolls_sideways
from tests.pages.test_studio import done, make_small

pytestmark = [pytest.mark.system, pytest.mark.landing]

JOBS = "/api/v1/generation-jobs/"
SMALL = {"checkpoint_model": "random_sd15.safetensors", "width": 64, "height": 64, "sampler_params": {"steps": 1}}


def made(system: Visit, *prompts: str, batch: int = 1) -> None:
    """Completed jobs, the last prompt newest."""
    for prompt in prompts:
        body = {**SMALL, "prompt": prompt, "batch_size": batch}
        job = system.http.post(JOBS, json=body, headers={"Prefer": "wait=30"}).json()
        assert job["status"] == "completed"


def kept(system: Visit) -> set[str]:
    return {job["prompt"] for job in system.http.get(JOBS).json()["items"]}


def tiles(page: Page) -> Locator:
    return page.locator(".tile .open")


def test_pictures_stand_below_their_day_and_open_one_after_another(system: Visit, opened: Opened) -> None:
    made(system, "a harbour", "a lighthouse", batch=2)
    page = opened("/gallery")
    expect(page.get_by_role("heading", name="Today")).to_be_visible()
    expect(tiles(page)).to_have_count(2)
    assert barriers(page) == []
    screenshot(page, "gallery")
    tiles(page).first.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".pswp__counter")).to_have_text("1 / 4")
    expect(page.locator(".lightbox-bar")).to_contain_text("a lighthouse")
    for number in (2, 3):
        page.get_by_role("button", name="Next").click()
        expect(page.locator(".pswp__counter")).to_have_text(f"{number} / 4")
    expect(page.locator(".lightbox-bar")).to_contain_text("a harbour")
    assert barriers(page) == []
    screenshot(page, "gallery-open")
    page.keyboard.press("Escape")
    expect(tiles(page).nth(1)).to_be_focused()


def test_a_variation_appears_at_the_top_by_itself(system: Visit, opened: Opened) -> None:
    made(system, "a harbour")
    page = opened("/gallery")
    tiles(page).first.click()
    page.get_by_role("button", name="Variations").click()
    page.keyboard.press("Escape")
    expect(tiles(page)).to_have_count(5)


def test_what_is_asked_for_survives_a_reload(system: Visit, opened: Opened) -> None:
    made(system, "a harbour", "a lighthouse")
    page = opened("/gallery")
    page.get_by_label("Search the prompts").fill("lighthouse")
    expect(tiles(page)).to_have_count(1)
    expect(page).to_have_url(re.compile("#text=lighthouse"))
    page.reload()
    expect(tiles(page)).to_have_count(1)
    page.get_by_label("Search the prompts").fill("windmill")
    expect(page.get_by_role("heading", name="Nothing matches")).to_be_visible()
    page.get_by_role("button", name="Clear filters").last.click()
    expect(tiles(page)).to_have_count(2)


def test_what_is_deleted_comes_back_until_the_page_is_left(system: Visit, opened: Opened) -> None:
    made(system, "a harbour", "a lighthouse")
    page = opened("/gallery")
    for prompt in ("a harbour", "a lighthouse"):
        page.get_by_role("button", name=prompt).focus()
        page.keyboard.press("Delete")
    expect(tiles(page)).to_have_count(0)
    assert kept(system) == {"a harbour", "a lighthouse"}
    page.get_by_role("button", name="Undo").first.click()
    expect(tiles(page)).to_have_count(1)
    page.goto("/studio")
    page.goto("/gallery")
    expect(tiles(page)).to_have_count(1)
    assert kept(system) == {"a harbour"}


def test_two_are_selected_compared_pinned_and_downloaded(system: Visit, opened: Opened) -> None:
    made(system, "a harbour", "a lighthouse")
    page = opened("/gallery")
    tiles(page).first.focus()
    page.keyboard.press("Space")
    page.keyboard.press("Shift+ArrowRight")
    expect(page.get_by_text("2 selected")).to_be_visible()
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_role("dialog").locator("img")).to_have_count(2)
    expect(page.get_by_role("row", name="Prompt")).to_contain_text("a harbour")
    assert barriers(page) == []
    screenshot(page, "gallery-compared")
    page.get_by_role("button", name="Close").click()
    page.get_by_role("button", name="Pin", exact=True).click()
    expect(page.get_by_role("button", name="Unpin")).to_be_visible()
    assert len(system.http.get(JOBS, params={"pinned": True}).json()["items"]) == 2
    with page.expect_download() as download:
        page.get_by_role("button", name="Download ZIP").click()
    assert download.value.suggested_filename.endswith(".zip")


def test_a_picture_becomes_the_input_of_the_studio(system: Visit, opened: Opened) -> None:
    made(system, "a harbour")
    page = opened("/gallery")
    tiles(page).first.click()
    page.get_by_role("button", name="Use as input").click()
    expect(page.locator(".input-picture img")).to_be_visible()
    expect(page).to_have_url(re.compile("/studio$"))
    make_small(page)
    done(page)


def test_only_what_is_near_the_view_is_in_the_page(system: Visit, opened: Opened) -> None:
    jobs = [{**SMALL, "prompt": f"wave {number}"} for number in range(45)]
    assert system.http.post(f"{JOBS}bulk", json={"jobs": jobs}).status_code == 201
    until(lambda: len(system.http.get(JOBS, params={"status": "completed"}).json()["items"]) == len(jobs))
    page = opened("/gallery", **{**PHONE, "viewport": {"width": 360, "height": 240}})
    first = page.get_by_role("button", name="wave 44", exact=True)
    expect(first).to_be_visible()
    expect(page.get_by_text("That is all.")).to_be_attached()
    assert not scrolls_sideways(page)
    page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    expect(page.get_by_role("button", name="wave 0", exact=True)).to_be_visible()
    expect(first).to_have_count(0)
    screenshot(page, "gallery-phone")


def test_keys_that_come_faster_than_a_frame_mean_the_picture_that_was_gone_to(system: Visit, opened: Opened) -> None:
    made(system, "a harbour", "a lighthouse", "a windmill")
    page = opened("/gallery")
    expect(tiles(page)).to_have_count(3)
    tiles(page).first.focus()
    page.evaluate("""() => {
        for (const key of [" ", "ArrowRight", " ", "ArrowRight"]) {
            const pressed = new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true });
            document.activeElement.dispatchEvent(pressed);
        }
    }""")
    expect(page.get_by_text("2 selected")).to_be_visible()
    expect(tiles(page).nth(2)).to_be_focused()


def test_going_back_leaves_the_picture_and_not_the_gallery(system: Visit, opened: Opened) -> None:
    made(system, "a harbour", "a lighthouse")
    page = opened("/gallery")
    tiles(page).first.click()
    page.get_by_role("button", name="Next").click()
    page.go_back()
    expect(page.locator(".pswp")).to_have_count(0)
    expect(tiles(page).nth(1)).to_be_focused()
    tiles(page).first.click()
    expect(page.locator(".pswp__counter")).to_have_text("1 / 2")
    page.keyboard.press("Escape")
    expect(page.locator(".pswp")).to_have_count(0)
    expect(tiles(page).first).to_be_focused()
    page.go_back()
    page.wait_for_url("**/studio")


def test_a_small_picture_is_made_larger_on_a_very_large_screen_and_can_be_zoomed(system: Visit, opened: Opened) -> None:
    made(system, "a lighthouse")
    page = opened("/gallery", viewport={"width": 3840, "height": 2160})
    tiles(page).first.click()
    shown = page.locator(".pswp__item[aria-hidden=false] img:not(.pswp__img--placeholder)")
    expect(shown).to_have_css("width", "128px")
    page.get_by_role("button", name="Zoom").click()
    until(lambda: shown.evaluate("one => one.getBoundingClientRect().width") > 200)

"""The studio, as who makes pictures with it has it."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.pages.conftest import PHONE, Opened, Visit
from tests.pages.looks import barriers, screenshot, scrolls_sideways
from tests.pages.test_media import WORKFLOWS
from tests.pages.watching import Watch

pytestmark = [pytest.mark.system, pytest.mark.landing]

PROMPT = "a lighthouse at dusk"
BOXES = """all => all.map((one) => {
    const { top, width, height } = one.getBoundingClientRect();
    return [top, width, height, one.querySelector(".shots").getBoundingClientRect().height].map(Math.round);
})"""


def make(page: Page, prompt: str = PROMPT) -> None:
    page.get_by_label("Prompt").fill(prompt)
    page.get_by_label("Prompt").press("Control+Enter")


def make_small(page: Page) -> None:
    page.get_by_role("button", name="Small").click()
    make(page)


def done(page: Page) -> None:
    expect(page.locator(".job .badge").first).to_have_text("Done")
    expect(page.locator(".job .shots img").first).to_be_visible()


def test_ctrl_enter_makes_a_picture_and_shows_and_tells_how_far_it_is(page: Page, system: Visit) -> None:
    system.comfyui.pace(step_seconds=0.5)  # the first steps may be over before the worker listens
    make(page)
    expect(page.get_by_role("progressbar")).to_have_attribute("aria-valuenow", re.compile("[1-9]"))
    screenshot(page, "studio-running")
    system.comfyui.pace(step_seconds=0.0)
    done(page)
    expect(page.get_by_role("status").filter(has_text=f"Done: {PROMPT}")).to_be_attached()
    screenshot(page, "studio")


def test_what_is_refused_is_said_at_its_field(page: Page, watch: Watch) -> None:
    watch.allow("status of 422")
    page.get_by_label("Width", exact=True).fill("65")
    make(page)
    field = page.get_by_label("Width", exact=True)
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_be_focused()
    expect(page.locator("#width-problem")).to_contain_text("8")
    expect(page.locator(".job")).to_have_count(0)
    screenshot(page, "studio-refused")


def test_what_is_missing_or_too_much_is_said_with_what_may_be(page: Page, watch: Watch) -> None:
    watch.allow("status of 422")
    page.get_by_label("Width", exact=True).fill("99999")
    page.get_by_label("Prompt").press("Control+Enter")
    expect(page.locator("#prompt-problem")).to_have_text("Write what the picture should show.")
    expect(page.locator("#width-problem")).to_have_text("From 64 to 2048, in steps of 8.")
    tops = page.locator("#width, #height, #batch").evaluate_all(
        "all => all.map((one) => one.getBoundingClientRect().top)"
    )
    assert len(set(tops)) == 1


def test_what_is_wrong_with_no_field_stands_at_the_button_until_the_next_try(page: Page, watch: Watch) -> None:
    watch.allow("status of 429")
    sentence = "you have 10 jobs queued and may have 10"
    refusal = {"status": 429, "code": "too_many_jobs", "detail": sentence}
    page.route("**/generation-jobs/", lambda route: route.fulfill(status=429, json=refusal), times=1)
    make(page)
    expect(page.get_by_role("alert").filter(has_text=sentence)).to_be_visible()
    page.get_by_role("button", name="Small").click()
    expect(page.get_by_role("alert").filter(has_text=sentence)).to_be_visible()
    page.get_by_role("button", name="Make").click()
    done(page)
    expect(page.get_by_role("alert").filter(has_text=sentence)).to_have_count(0)


def test_a_running_job_is_cancelled(page: Page, system: Visit) -> None:
    system.comfyui.pace(step_seconds=0.5)
    make(page)
    expect(page.get_by_role("progressbar")).to_be_visible()
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator(".job .badge")).to_have_text("Cancelled")
    system.comfyui.pace(step_seconds=0.0)


def test_a_reload_keeps_the_form_and_the_last_jobs(page: Page) -> None:
    make_small(page)
    done(page)
    page.reload()
    done(page)
    expect(page.get_by_label("Prompt")).to_have_value(PROMPT)
    expect(page.get_by_role("button", name="Small")).to_have_attribute("aria-pressed", "true")


def test_settings_of_a_job_are_used_again(page: Page) -> None:
    page.get_by_text("More settings").click()
    page.get_by_label("Steps").fill("3")
    make_small(page)
    done(page)
    page.reload()
    page.get_by_text("More settings").click()
    page.get_by_label("Steps").fill("4")
    page.get_by_label("Prompt").fill("something else")
    page.get_by_role("button", name="Use settings").click()
    expect(page.get_by_label("Prompt")).to_have_value(PROMPT)
    expect(page.get_by_label("Steps")).to_have_value("3")


def test_what_can_be_done_with_a_picture_stands_in_one_line_of_the_smallest_card(page: Page) -> None:
    make_small(page)
    done(page)
    page.locator(".results").evaluate("one => (one.style.gridTemplateColumns = '260px')")
    tops = page.locator(".job .deeds button").evaluate_all("all => all.map((one) => one.getBoundingClientRect().top)")
    assert len(tops) == 3
    assert len(set(tops)) == 1


def test_a_connection_that_is_lost_is_shown_and_mended(page: Page, system: Visit, watch: Watch) -> None:
    watch.allow("ERR_CONNECTION_REFUSED")
    watch.allow("WebSocket")
    expect(page.get_by_label("Prompt")).to_be_visible()
    system.system.processes["api"].kill()
    expect(page.get_by_text("Connection lost")).to_be_visible()
    screenshot(page, "studio-lost")
    system.restart("api")
    expect(page.get_by_text("Connection lost")).to_have_count(0)
    make_small(page)
    done(page)


def test_a_phone_shows_the_studio_without_scrolling_sideways(phone: Page) -> None:
    make_small(phone)
    done(phone)
    phone.get_by_text("More settings").click()
    assert not scrolls_sideways(phone)
    screenshot(phone, "studio-phone", whole=True)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_the_studio(opened: Opened, scheme: str) -> None:
    page = opened(color_scheme=scheme)
    make_small(page)
    done(page)
    page.get_by_text("More settings").click()
    page.get_by_role("button", name="Add a style").click()
    assert barriers(page) == []
    screenshot(page, f"studio-{scheme}", whole=True)


def test_an_example_is_enough_for_a_first_picture(opened: Opened) -> None:
    page = opened(**PHONE)
    expect(page.get_by_role("button", name="Make")).to_be_in_viewport()
    page.get_by_role("group", name="For example").get_by_role("button").first.click()
    expect(page.get_by_label("Prompt")).to_be_focused()
    page.get_by_role("button", name="Small").click()
    page.get_by_role("button", name="Make").click()
    done(page)
    expect(page.get_by_role("group", name="For example")).to_have_count(0)


def test_more_settings_come_into_view_and_the_pictures_stay_where_they_are(opened: Opened) -> None:
    desk = opened(viewport={"width": 1280, "height": 500})
    desk.locator(".results").evaluate("one => (one.style.minHeight = '3000px')")  # as with many pictures
    desk.get_by_text("More settings").click()
    expect(desk.get_by_label("Steps")).to_be_in_viewport()
    assert desk.evaluate("scrollY") == 0
    phone = opened(**PHONE)
    phone.get_by_text("More settings").click()
    expect(phone.get_by_label("Steps")).to_be_in_viewport()
    expect(phone.get_by_text("More settings")).to_be_in_viewport()


def test_cards_of_pictures_of_any_shape_stand_in_even_rows(page: Page, system: Visit) -> None:
    for width, height, batch in ((64, 192, 1), (192, 64, 1), (64, 64, 4), (64, 64, 1)):
        system.completed(system.submit(width=width, height=height, batch_size=batch)["id"])
    page.reload()
    expect(page.locator(".job .shots img")).to_have_count(4)
    boxes = page.locator(".job").evaluate_all(BOXES)
    rows = {top for top, *_ in boxes}
    assert len(rows) < len(boxes)
    assert len({(width, height, picture) for _, width, height, picture in boxes}) == 1, boxes
    # What a list leaves out comes when one asks for it.
    page.get_by_role("button", name="Show all 4").click()
    expect(page.locator(".job .shots img")).to_have_count(7)
    assert len({tuple(box) for box in page.locator(".job").evaluate_all(BOXES)} - {tuple(box) for box in boxes}) == 0


def test_a_phone_shows_what_was_asked_for_once_it_is_sent(phone: Page) -> None:
    make_small(phone)
    expect(phone.locator(".job").first).to_be_in_viewport()
    done(phone)
    phone.get_by_role("button", name="Use settings").click()
    expect(phone.get_by_label("Prompt")).to_be_in_viewport()


def test_a_sound_is_named_and_can_be_opened(page: Page, system: Visit) -> None:
    made = system.http.post("/api/v1/generation-jobs/", json={"workflow": WORKFLOWS["audio flac"]}).json()
    system.completed(made["id"])
    page.reload()
    expect(page.locator(".job .shots").get_by_role("link", name="sound")).to_be_visible()

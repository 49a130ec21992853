"""What people do who have never seen the studio: files of all kinds, letters of all kinds, and many jobs at once."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.pages.conftest import Visit
from tests.pages.looks import screenshot
from tests.pages.test_studio import done, make_small
from tests.pages.test_workflows import drop

pytestmark = [pytest.mark.system, pytest.mark.landing]

NO_PICTURES = {
    "notes.pdf": ("application/pdf", b"%PDF-1.7"),
    "empty.png": ("image/png", b""),
    "drawing.svg": ("image/svg+xml", b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
    "film.mp4": ("video/mp4", b"0" * 1000),
}
MANY, SLOTS = 8, 2
LONGEST = 20_000  # letters of a prompt
HEBREW = "\u05e9\u05d5\u05e2\u05dc \u05d1\u05e9\u05dc\u05d2."
FIRST_LETTER = """box => {
    const range = document.createRange();
    range.setStart(box.firstChild, 0);
    range.setEnd(box.firstChild, 1);
    const middle = range.getBoundingClientRect();
    const { left, width } = box.getBoundingClientRect();
    return (middle.left - left) / width;
}"""


def test_a_file_that_is_no_picture_is_refused_with_what_to_choose(page: Page) -> None:
    for name, (media_type, content) in NO_PICTURES.items():
        drop(page, name, media_type, content)
        expect(page.get_by_role("status").filter(has_text=f"{name} is no picture")).to_contain_text("Choose a PNG")
    expect(page.locator(".input-picture")).to_have_count(0)
    drop(page, "notes.txt", "text/plain", b"a list of things to buy")
    expect(page.get_by_role("status").filter(has_text="This is no workflow of ComfyUI")).to_be_visible()


def test_the_longest_prompts_are_sent_in_letters_of_many_bytes_too(page: Page, system: Visit) -> None:
    page.get_by_label("Prompt").fill("\u732b" * LONGEST)
    page.get_by_label("Leave out").fill("\u72ac" * LONGEST)
    page.get_by_role("button", name="Small").click()
    page.get_by_role("button", name="Make").click()
    done(page)
    (job,) = system.http.get("/api/v1/generation-jobs/").json()["items"]
    assert len(system.job(job["id"])["prompt"]) == LONGEST
    # Or each list of everybody's jobs in other tests has these 60 kB.
    system.http.delete(f"/api/v1/generation-jobs/{job['id']}").raise_for_status()


def test_what_is_written_from_right_to_left_begins_at_the_right(page: Page) -> None:
    page.get_by_label("Prompt").fill(HEBREW)
    page.get_by_role("button", name="Small").click()
    page.get_by_role("button", name="Make").click()
    done(page)
    assert page.locator(".job .said").evaluate(FIRST_LETTER) > 0.9
    screenshot(page, "studio-right-to-left")


def test_a_seed_that_is_kept_is_said_to_be_kept(page: Page) -> None:
    page.get_by_text("More settings").click()
    keep = page.get_by_role("button", name="Keep this seed")
    expect(keep).to_have_attribute("aria-pressed", "false")
    keep.click()
    expect(keep).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_label("Seed", exact=True)).to_have_value(re.compile(r"^\d+$"))
    keep.click()
    expect(page.get_by_label("Seed", exact=True)).to_have_value("")


def test_the_places_of_all_that_wait_are_said_after_a_reload_too(page: Page, system: Visit) -> None:
    system.comfyui.pace(step_seconds=1.0)
    try:
        for number in range(1, MANY + 1):
            make_small(page)
            expect(page.locator(".job")).to_have_count(number)
        page.reload()
        expect(page.get_by_text(re.compile(r"Next in line|Place \d in line"))).to_have_count(MANY - SLOTS)
    finally:
        system.comfyui.pace(step_seconds=0.0)

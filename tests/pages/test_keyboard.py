"""Whoever has no pointer gets to everything: each control, in the order of the page, seen and in view."""

import pytest
from playwright.sync_api import Page, expect

from tests.pages.conftest import Opened, Visit
from tests.pages.test_dashboard import VIEWS
from tests.pages.test_gallery import made, tiles
from tests.pages.test_studio import done

pytestmark = [pytest.mark.system, pytest.mark.landing]

MOST = 300
# What can be pressed or typed into, and is seen. Of a list that arrows move in, one is enough.
CONTROLS = """() => {
    const all = [...document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex='0']")];
    const isSeen = (one) => one.checkVisibility({ visibilityProperty: true })
        && !one.closest("details:not([open]) > :not(summary)");
    const seen = all.filter((one) => !one.disabled && one.tabIndex >= 0 && isSeen(one));
    seen.forEach((one, at) => (one.dataset.control = at));
    return seen.length;
}"""
FOCUSED = """() => {
    const one = document.activeElement;
    if (!one || one === document.body) return null;
    const { outlineStyle, outlineWidth } = getComputedStyle(one);
    const drop = one.closest(".drop");
    const isRung = drop && getComputedStyle(drop).outlineStyle !== "none";
    const rung = isRung || (parseFloat(outlineWidth) >= 1 && outlineStyle !== "none");
    const { top, bottom, left, right } = (drop ?? one).getBoundingClientRect();
    const inView = bottom > 0 && top < innerHeight && right > 0 && left < innerWidth;
    return { control: one.dataset.control, said: one.outerHTML.slice(0, 120), rung, inView };
}"""


def walked(page: Page) -> None:
    """Tab through the page once: each control is met, has a ring around it and is in view."""
    count = page.evaluate(CONTROLS)
    assert 0 < count < MOST
    met: set[str] = set()
    for _ in range(2 * count + 10):  # a field for a date has several parts
        if len(met) == count:
            return
        page.keyboard.press("Tab")
        found = page.evaluate(FOCUSED)
        if found is None:
            continue
        assert found["rung"], f"no ring: {found['said']}"
        assert found["inView"], f"not in view: {found['said']}"
        if found["control"] is not None:
            met.add(found["control"])
    lacking = set(map(str, range(count))) - met
    said = page.evaluate(
        "all => all.map((at) => document.querySelector(`[data-control='${at}']`)?.outerHTML.slice(0, 120))",
        list(lacking),
    )
    assert not lacking, said


# Further views of the dashboard are of the same parts.
FURTHER = [pytest.param(f"/dashboard#/{view}", marks=pytest.mark.long) for view in VIEWS if view != "jobs"]


@pytest.mark.parametrize("path", ["/studio", "/gallery", "/dashboard#/jobs", *FURTHER])
def test_each_control_is_met_by_tab_and_seen(opened: Opened, system: Visit, path: str) -> None:
    made(system, "a harbour", "a lighthouse")
    page = opened(path)
    page.wait_for_load_state("networkidle")
    for summary in page.locator("summary").all():
        if summary.is_visible():
            summary.press("Enter")
    page.wait_for_load_state("networkidle")
    page.evaluate("document.activeElement.blur()")
    walked(page)


def test_a_page_is_entered_behind_its_head(opened: Opened) -> None:
    for path in ("/studio", "/gallery", "/dashboard#/jobs"):
        page = opened(path)
        page.wait_for_load_state("networkidle")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(page.locator("#content")).to_be_focused()
        assert page.url.endswith(path)


def test_a_picture_is_made_found_opened_and_deleted_by_keys_alone(opened: Opened, system: Visit) -> None:
    page = opened()
    keys = page.keyboard
    page.get_by_label("Prompt").focus()
    keys.type("a lighthouse")
    keys.press("Control+Enter")
    done(page)
    page.get_by_role("link", name="Gallery").focus()
    keys.press("Enter")
    expect(tiles(page)).to_have_count(1)
    tiles(page).first.focus()
    keys.press("Enter")
    expect(page.locator(".lightbox-bar")).to_be_visible()
    keys.press("p")
    expect(page.get_by_role("button", name="Unpin")).to_be_visible()
    keys.press("p")
    expect(page.get_by_role("button", name="Pin", exact=True)).to_be_visible()
    keys.press("Delete")
    expect(tiles(page)).to_have_count(0)
    undo = page.get_by_role("button", name="Undo")
    expect(page.locator(".pswp")).to_have_count(0)  # as it goes, it gives the focus back
    undo.focus()
    keys.press("Enter")
    expect(tiles(page)).to_have_count(1)


def test_a_dialog_keeps_the_keyboard_and_gives_it_back(opened: Opened) -> None:
    page = opened("/dashboard#/servers")
    begin = page.get_by_role("button", name="Add a server")
    begin.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    for _ in range(12):
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement === document.body || !!document.activeElement.closest('dialog')")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(begin).to_be_focused()

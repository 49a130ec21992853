"""The room that there is: bars of two lines on a phone, columns wide enough for sentences, no empty third."""

from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from shared.models.accounts.key import Scope
from tests.journeys.conftest import until
from tests.pages.conftest import PHONE, Opened, Visit
from tests.pages.looks import barriers, screenshot, scrolls_sideways
from tests.pages.names import name_of
from tests.pages.test_gallery import JOBS, SMALL, made, tiles
from tests.worker_service.media.pictures import encoded, picture

pytestmark = [pytest.mark.system, pytest.mark.landing]

LARGEST: dict[str, Any] = {"viewport": {"width": 3840, "height": 2160}}
MOST_LINES = 4  # of the reason why a server is not used, with what to do
LINES = """all => {
    let [lines, end] = [0, -Infinity];
    for (const { top, bottom } of all.map((one) => one.getBoundingClientRect()).sort((a, b) => a.top - b.top)) {
        if (top >= end) lines += 1;
        end = Math.max(end, bottom);
    }
    return lines;
}"""
CUT = "all => all.filter((one) => one.scrollWidth > one.clientWidth).map((one) => one.textContent)"
LINES_OF_TEXT = "one => Math.round(one.getBoundingClientRect().height / parseFloat(getComputedStyle(one).lineHeight))"
LEFT_AND_RIGHT = """one => {
    const { left, right } = one.getBoundingClientRect();
    const room = one.parentElement.getBoundingClientRect();
    const beside = document.querySelector(".views")?.getBoundingClientRect().right ?? room.left;
    return [left - beside, room.right - right];
}"""
CUT_FIELDS = """all => all.map((one) => {
    const said = one.placeholder || one.selectedOptions?.[0]?.textContent || "";
    const pen = document.createElement("canvas").getContext("2d");
    const { font, paddingLeft, paddingRight } = getComputedStyle(one);
    pen.font = font;
    const arrow = one.matches("select") ? 20 : 0;
    const room = one.clientWidth - parseFloat(paddingLeft) - parseFloat(paddingRight) - arrow;
    return pen.measureText(said).width > room ? said : "";
}).filter(Boolean)"""
ON_TOP = """one => {
    const { left, top, width, height } = one.getBoundingClientRect();
    return one.contains(document.elementFromPoint(left + width / 2, top + height / 2));
}"""


def in_two_lines(bar: Locator) -> None:
    assert bar.locator(":scope > *").evaluate_all(LINES) == 2
    assert bar.locator("button").evaluate_all(CUT) == []


@pytest.mark.parametrize("width", [320, 360, 412])
def test_what_can_be_done_with_a_selection_takes_two_lines_of_a_phone(
    opened: Opened, system: Visit, width: int
) -> None:
    made(system, "a harbour", "a lighthouse")
    page = opened("/gallery", **{**PHONE, "viewport": {"width": width, "height": 740}})
    bar = page.locator(".selection")
    for number in (0, 1):
        page.locator(".tile .check").nth(number).tap()
        expect(bar.get_by_role("status")).to_have_text(f"{number + 1} selected")
        in_two_lines(bar)
    expect(bar.get_by_role("button")).to_have_text(["Compare", "Download ZIP", "Pin", "Delete", "Select none"])
    assert barriers(page) == []
    assert not scrolls_sideways(page)
    screenshot(page, f"gallery-selected-{width}")


def test_what_can_be_done_with_selected_jobs_takes_two_lines_of_a_phone(opened: Opened, system: Visit) -> None:
    made(system, "a harbour", "a lighthouse")
    page = opened("/dashboard#/jobs", **PHONE)
    page.get_by_text("Select this page").click()
    bar = page.locator(".selection")
    in_two_lines(bar)
    expect(bar.get_by_role("button", name="Pack as ZIP")).to_be_visible()
    bar.get_by_role("button", name="Select all that match").click()
    in_two_lines(bar)
    assert barriers(page) == []
    screenshot(page, "jobs-selected-phone")


def test_two_pictures_are_compared_from_the_top_on_a_phone(opened: Opened, system: Visit) -> None:
    made(system, "a harbour", "a lighthouse " * 60)
    page = opened("/gallery", **{**PHONE, "viewport": {"width": 360, "height": 480}})
    for number in (0, 1):
        page.locator(".tile .check").nth(number).tap()
    page.get_by_role("button", name="Compare").tap()
    dialog = page.get_by_role("dialog")
    expect(dialog.locator("img")).to_have_count(2)
    expect(dialog.get_by_role("button", name="Close")).to_be_in_viewport(ratio=1)
    assert dialog.evaluate("one => one.scrollTop") == 0
    screenshot(page, "gallery-compared-phone")
    dialog.get_by_role("button", name="Close").tap()
    expect(dialog).to_have_count(0)


def test_a_part_to_repaint_is_chosen_where_the_picture_is_on_a_phone(opened: Opened, system: Visit) -> None:
    made(system, "a harbour")
    page = opened("/gallery", **PHONE)
    tiles(page).first.tap()
    page.get_by_role("button", name="Use as input").tap()
    page.wait_for_url("**/studio")
    mask = page.get_by_role("button", name="Repaint a part only")
    is_reached(mask)
    screenshot(page, "studio-picture-phone")
    page.get_by_role("button", name="Remove", exact=True).tap()
    page.evaluate("scrollTo({top: 0, behavior: 'instant'})")
    content = encoded(picture((200, 100)), "PNG")
    page.locator("#picture").set_input_files({"name": "a.png", "mimeType": "image/png", "buffer": content})
    is_reached(mask)
    mask.tap()
    page.get_by_text("A rectangle by numbers").tap()
    expect(page.get_by_role("button", name="Use this mask")).to_be_in_viewport(ratio=1)
    assert page.locator("dialog.mask .actions > *").evaluate_all(LINES) == 1


def is_reached(control: Locator) -> None:
    """It comes into view, and nothing lies over it."""
    expect(control).to_be_in_viewport(ratio=1)
    until(lambda: bool(control.evaluate(ON_TOP)))


@pytest.mark.parametrize("name", ["users", "webhooks"])
def test_what_is_opened_below_a_list_comes_into_view_on_a_phone(opened: Opened, system: Visit, name: str) -> None:
    body = {"url": "https://example.com/done", "event_types": ["job.completed"]}
    for _ in range(6):
        system.http.post("/api/v1/webhooks", json=body).raise_for_status()
        system.http.post("/api/v1/users", json={"name": name_of("one of many")}).raise_for_status()
    page = opened(f"/dashboard#/{name}", **PHONE)
    page.get_by_role("rowheader").first.get_by_role("link").tap()
    expect(page.get_by_role("heading", name="Keys of" if name == "users" else "Deliveries to")).to_be_in_viewport()


def test_the_reason_why_a_server_is_not_used_takes_few_lines(opened: Opened, system: Visit, away: str) -> None:
    system.comfyui.fault("node_error", exception_message="illegal memory access")
    system.when(system.submit()["id"], "failed")
    page = opened("/dashboard#/servers")
    row = page.get_by_role("row").filter(has_text=away)
    said = row.locator("p").first
    expect(said).to_contain_text("Connection refused", timeout=60_000)
    expect(said).to_contain_text("Start it, or look at the network")
    expect(page.get_by_text("Node failed (")).to_be_visible()
    assert said.evaluate(LINES_OF_TEXT) <= MOST_LINES
    assert not scrolls_sideways(page)


@pytest.mark.parametrize("scopes", [(Scope.READ, Scope.WRITE, Scope.ADMIN), (Scope.READ, Scope.WRITE)])
def test_a_very_wide_window_is_used(opened: Opened, system: Visit, scopes: tuple[Scope, ...]) -> None:
    made(system, "a harbour")
    page = opened("/dashboard", **LARGEST, scopes=scopes)
    for view in ("overview", "jobs", "tasks"):
        page.goto(f"/dashboard#/{view}")
        expect(page.locator(".view .loaded").first).to_be_visible()
        left, right = page.locator(".view").evaluate(LEFT_AND_RIGHT)
        assert abs(left - right) <= 2, view
        assert left + right <= LARGEST["viewport"]["width"] / 5, view
    page.goto("/dashboard")
    charts = page.locator(".charts")
    expect(charts.locator(".chart").nth(1)).to_be_visible()
    edge = charts.evaluate("one => one.getBoundingClientRect().right")
    rights = charts.locator(".chart").evaluate_all("all => all.map((one) => one.getBoundingClientRect().right)")
    assert max(rights) == pytest.approx(edge, abs=1)
    assert cut_controls(page, "/dashboard#/jobs") == []


def cut_controls(page: Page, path: str) -> list[str]:
    """Fields whose own hint, and choices that are chosen, do not fit in them."""
    page.goto(path)
    expect(page.locator(".view .loaded").first).to_be_visible()
    page.get_by_text("More filters").click()
    found: list[str] = page.locator("input[placeholder], select").evaluate_all(CUT_FIELDS)
    return found


def test_a_very_wide_window_shows_many_pictures_beside_each_other(opened: Opened, system: Visit) -> None:
    jobs = [{**SMALL, "prompt": f"wave {number}"} for number in range(20)]
    assert system.http.post(f"{JOBS}bulk", json={"jobs": jobs}).status_code == 201
    until(lambda: len(system.http.get(JOBS, params={"status": "completed"}).json()["items"]) == len(jobs))
    page = opened("/gallery", **LARGEST)
    for path, many, of in (("/gallery", 15, ".tile"), ("/studio", 7, ".job")):
        page.goto(path)
        expect(page.locator(of)).to_have_count(len(jobs))
        boxes = page.locator(of).evaluate_all("all => all.map((one) => one.getBoundingClientRect().toJSON())")
        first = [box for box in boxes if box["top"] == min(one["top"] for one in boxes)]
        assert len(first) >= many, path
        assert max(box["right"] for box in first) >= LARGEST["viewport"]["width"] * 0.97, path

"""Tables on a phone: each row is a card, nothing lies beyond the edge, and who reads by ear still has a table."""

from typing import Any, NamedTuple

import pytest
from playwright.sync_api import Page, expect

from tests.pages.conftest import PHONE, Opened, Visit
from tests.pages.looks import barriers, screenshot, scrolls_sideways
from tests.pages.names import letters

pytestmark = [pytest.mark.system, pytest.mark.landing]

JOB = {"checkpoint_model": "random_sd15.safetensors", "width": 64, "height": 64, "sampler_params": {"steps": 1}}
LONGEST_NAME = 255  # and without a place to break it
TABLES = {
    "jobs": ("Jobs", "Status"),
    "servers": ("Servers", "State"),
    "users": ("Users", "Stored"),
    "failures": ("Failures in groups", "Last"),
    "webhooks": ("Webhooks", "State"),
    "tasks": ("Tasks", "State"),
    "schedules": ("Schedules", "State"),
}
BEYOND = """table => [...table.querySelectorAll("tbody *")].filter((one) => {
    const { left, right, width } = one.getBoundingClientRect();
    return width > 1 && (right > innerWidth || left < 0);
}).map((one) => one.outerHTML.slice(0, 200))"""
SAID = """table => [...table.querySelectorAll("tbody tr:first-child td")].map((one) =>
    getComputedStyle(one, "::before").content.replace(/^"|"( \\/ "")?$/g, ""))"""

OVERLAID = """table => {
    const deeds = table.querySelector("tbody td:has(> .deeds)")?.getBoundingClientRect();
    return [...table.querySelectorAll("tbody tr > :not(:last-child)")]
        .filter((one) => deeds && one.getBoundingClientRect().right > deeds.left + 1).map((one) => one.textContent);
}"""


def post(system: Visit, path: str, **body: Any) -> dict[str, Any]:
    answer = system.http.post(f"/api/v1/{path}", json=body, headers={"Prefer": "wait=30"})
    assert answer.is_success, answer.text
    return answer.json()  # type: ignore[no-any-return]


class Filled(NamedTuple):
    """Something in each table: a user and others of one long name."""

    name: str
    user: str


@pytest.fixture
def filled(system: Visit) -> Filled:
    name = letters(LONGEST_NAME)
    user = post(system, "users", name=name)["id"]
    post(system, f"users/{user}/keys", name=name[:100], scopes=["jobs:read", "jobs:write", "admin"])
    post(system, "webhooks", url=f"https://example.com/{'long' * 400}", event_types=["job.completed", "job.failed"])
    post(system, "schedules", name=name, cron="0 3 * * 1", time_zone="Europe/Berlin", job={**JOB, "prompt": "a"})
    system.comfyui.fault("node_error", exception_message="illegal/memory/access" * 20)
    assert post(system, "generation-jobs/", **JOB, prompt=name)["status"] == "failed"
    post(system, "tasks", kind="tag_jobs", filter={"status": ["failed"]}, metadata={"a": "b"})
    return Filled(name, user)


def heard(page: Page) -> list[tuple[str, str]]:
    """Roles and names that Chromium tells who reads by ear, whatever the styles make of the elements."""
    session = page.context.new_cdp_session(page)
    nodes = session.send("Accessibility.getFullAXTree")["nodes"]
    session.detach()
    return [(one["role"]["value"], one.get("name", {}).get("value", "")) for one in nodes if not one["ignored"]]


def is_readable(page: Page, label: str, column: str) -> None:
    table = page.get_by_role("table", name=label, exact=True)
    expect(table.locator("tbody tr").first).to_be_visible()
    assert table.evaluate(BEYOND) == [], label
    assert column in table.evaluate(SAID), label
    assert not scrolls_sideways(page), label
    said = heard(page)
    assert {"table", "row", "columnheader", "cell"} <= {role for role, _ in said}, label
    # Of whose column it is who reads by ear hears from the head, and once.
    assert not [text for role, text in said if role in {"cell", "StaticText"} and text.startswith(f"{column} ")], label


def test_each_table_is_readable_on_a_phone(filled: Filled, opened: Opened) -> None:
    page = opened("/dashboard", **PHONE)
    for view, (label, column) in TABLES.items():
        page.goto(f"/dashboard#/{view}")
        is_readable(page, label, column)
        assert barriers(page) == [], view
        screenshot(page, f"table-{view}-phone", whole=True)
    page.goto(f"/dashboard#/users/{filled.user}")
    is_readable(page, f"Keys of {filled.name}", "May")
    page.goto("/dashboard#/webhooks")
    page.get_by_role("rowheader", name="example.com").get_by_role("link").click()
    is_readable(page, "Deliveries", "Tries")
    page.goto("/dashboard#/jobs")
    page.get_by_role("rowheader").get_by_role("link").first.click()
    is_readable(page, "Attempts", "Server")
    page.goto("/dashboard#/jobs")
    page.locator("tbody").get_by_role("checkbox").first.check()
    expect(page.get_by_role("group", name="1 selected")).to_be_visible()
    page.locator("tbody").get_by_role("checkbox").first.uncheck()
    page.get_by_text("Select this page").click()
    expect(page.get_by_role("button", name="Select none")).to_be_visible()
    assert not scrolls_sideways(page)


@pytest.mark.usefixtures("filled", "away")
def test_long_names_hide_no_column_on_a_desk(opened: Opened) -> None:
    page = opened("/dashboard")
    for view, (label, column) in TABLES.items():
        page.goto(f"/dashboard#/{view}")
        table = page.get_by_role("table", name=label, exact=True)
        head = table.get_by_role("columnheader", name=column, exact=True)
        expect(head).to_be_visible()
        assert not scrolls_sideways(page), view
        # The deeds of a row stay at the right edge, and lie over no column.
        assert table.evaluate(OVERLAID) == [], view
        screenshot(page, f"table-{view}")

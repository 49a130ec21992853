"""The tasks in the dashboard are shown as they change, and not asked for meanwhile."""

from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Locator, Page, Request, expect

from tests.pages.conftest import Opened, Visit
from tests.pages.watching import Watch

pytestmark = [pytest.mark.system, pytest.mark.landing]

CHANGED_MS = 20_000


def follows(request: Request) -> bool:
    return urlsplit(request.url).path.endswith("/api/v1/tasks/events")


def asked(seen: list[Request]) -> int:
    """How often the list was asked for."""
    return sum(one.method == "GET" and urlsplit(one.url).path.endswith("/api/v1/tasks") for one in seen)


def ask_for(system: Visit, **body: object) -> str:
    answer = system.http.post("/api/v1/tasks", json=body)
    assert answer.is_success, answer.text
    return str(answer.json()["id"])


def forget_those_of_before(system: Visit) -> None:
    """An admin sees the tasks of other tests too."""
    for task in system.http.get("/api/v1/tasks?user_id=all").json()["items"]:
        system.http.delete(f"/api/v1/tasks/{task['id']}").raise_for_status()


def test_tasks_are_shown_as_they_change_and_go(opened: Opened, system: Visit) -> None:
    forget_those_of_before(system)
    page = opened("/dashboard")
    seen: list[Request] = []
    page.on("request", lambda request: seen.append(request))
    with page.expect_response(lambda response: follows(response.request)):
        page.goto(f"{page.url.partition('#')[0]}#/tasks")
    expect(page.get_by_role("heading", name="No tasks yet")).to_be_visible()
    page.wait_for_timeout(2_000)  # once it is followed, the page is asked for once more
    before = asked(seen)
    tasks = []
    for number in (1, 2, 3):
        tasks.append(ask_for(system, kind="delete_jobs", all=True, dry_run=True))
        expect(rows(page)).to_have_count(number, timeout=CHANGED_MS)
        expect(rows(page).first).to_contain_text("Done", timeout=CHANGED_MS)
    system.http.delete(f"/api/v1/tasks/{tasks[1]}").raise_for_status()
    expect(rows(page)).to_have_count(2, timeout=CHANGED_MS)
    assert asked(seen) - before <= 1, "what is told is not asked for"


def test_a_stream_that_breaks_is_followed_again(opened: Opened, system: Visit, watch: Watch) -> None:
    watch.allow("/api/v1/tasks/events")  # the browser says that it broke
    page = opened("/dashboard")
    page.route("**/api/v1/tasks/events*", lambda route: route.abort(), times=1)
    with page.expect_request(follows) as first:
        page.goto(f"{page.url.partition('#')[0]}#/tasks")
    page.wait_for_event("request", lambda request: follows(request) and request != first.value)
    ask_for(system, kind="delete_jobs", all=True, dry_run=True)
    expect(rows(page).first).to_contain_text("Done", timeout=CHANGED_MS)


def rows(page: Page) -> Locator:
    return page.get_by_role("table", name="Tasks").locator("tbody tr")

"""The dashboard, as an operator has it, and as somebody who only looks after their own jobs."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Page, expect

from shared.database.engine import create_engine, transaction
from shared.models import HistorySample
from tests.journeys.conftest import until
from tests.pages.conftest import PHONE, Opened, Visit
from tests.pages.looks import barriers, screenshot, scrolls_sideways

pytestmark = [pytest.mark.system, pytest.mark.landing]

# The page looks again every five seconds.
LOOKED_AGAIN_MS = 20_000
MOST_WAITING = 321
VIEWS = ("overview", "jobs", "servers", "users", "failures", "webhooks", "tasks", "schedules")


@pytest.fixture
def dashboard(opened: Opened) -> Page:
    return opened("/dashboard")


@pytest.fixture
def drained(system: Visit) -> Iterator[str]:
    """The only server gets no more jobs while a test lasts."""
    name: str = system.http.get("/api/v1/servers").json()["items"][0]["name"]
    system.http.post("/api/v1/servers/drain", json={"server": name}).raise_for_status()
    yield name
    system.http.post("/api/v1/servers/resume", json={"server": name}).raise_for_status()


@pytest.fixture
def noted_history(system: Visit) -> int:
    """Samples of the last hours. How many jobs waited at most."""
    waiting = [0.0] * 10
    waiting[5], waiting[9] = MOST_WAITING - 1, 1
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    engine = create_engine(system.system.settings, application="tests")
    with transaction(engine) as session:
        for ago in range(2, 200, 2):
            usual = {"slots": 4, "slots_used": 3, "servers": 2, "servers_busy": 1, "stored_bytes": 5_000_000}
            at = now - timedelta(minutes=ago)
            session.merge(HistorySample(step_s=60, at=at, waiting=waiting, oldest_wait_s=90, **usual))
    engine.dispose()
    return MOST_WAITING


def see(page: Page, view: str) -> None:
    page.get_by_role("navigation", name="Dashboard").get_by_role("link", name=view, exact=True).click()


def test_an_operator_sees_which_server_takes_no_jobs_and_whose_jobs_wait(
    drained: str, dashboard: Page, system: Visit
) -> None:
    waiting = system.submit()["id"]
    user = system.http.get("/api/v1/me").json()["user"]["name"]
    expect(dashboard.locator(".troubles")).to_contain_text(f"Server {drained}: draining", timeout=LOOKED_AGAIN_MS)
    expect(dashboard.get_by_role("row").filter(has_text=user).get_by_role("cell").first).to_have_text(
        "1", timeout=LOOKED_AGAIN_MS
    )
    screenshot(dashboard, "dashboard-trouble")
    dashboard.locator(".troubles").get_by_role("link", name=drained).click()
    dashboard.get_by_role("button", name=f"Resume {drained}").click()
    expect(dashboard.get_by_role("row").filter(has_text=drained)).to_contain_text("Works")
    system.when(waiting, "completed")


def test_a_server_is_drained_only_once_that_is_confirmed(dashboard: Page, system: Visit) -> None:
    name = system.http.get("/api/v1/servers").json()["items"][0]["name"]
    see(dashboard, "Servers")
    row = dashboard.get_by_role("row").filter(has_text=name)
    row.get_by_role("button", name="Drain").click()
    dashboard.get_by_role("dialog").get_by_role("button", name="Close").click()
    expect(row).to_contain_text("Works")
    row.get_by_role("button", name="Drain").click()
    dashboard.get_by_role("dialog").get_by_role("button", name="Drain").click()
    expect(row).to_contain_text("Draining")
    row.get_by_role("button", name="Resume").click()
    expect(row).to_contain_text("Works")


def test_the_filters_stand_in_the_address_and_new_jobs_appear_by_themselves(dashboard: Page, system: Visit) -> None:
    see(dashboard, "Jobs")
    made = system.submit()["id"]
    expect(dashboard.get_by_role("link", name=str(made), exact=True)).to_be_visible(timeout=LOOKED_AGAIN_MS)
    system.when(made, "completed")
    dashboard.get_by_role("button", name="Failed", exact=True).click()
    expect(dashboard.get_by_role("link", name=str(made), exact=True)).to_have_count(0)
    assert "status=failed" in dashboard.url
    dashboard.reload()
    expect(dashboard.get_by_role("button", name="Failed", exact=True)).to_have_attribute("aria-pressed", "true")


def test_selected_jobs_are_deleted_together(dashboard: Page, system: Visit) -> None:
    jobs = [system.submit()["id"] for _ in range(2)]
    for job in jobs:
        system.when(job, "completed")
    see(dashboard, "Jobs")
    for job in jobs:
        dashboard.get_by_label(f"Select job {job}", exact=True).check()
    dashboard.get_by_role("group", name="2 selected").get_by_role("button", name="Delete").click()
    dashboard.get_by_role("dialog").get_by_role("button", name="Delete").click()
    for job in jobs:
        expect(dashboard.get_by_role("link", name=str(job), exact=True)).to_have_count(0, timeout=LOOKED_AGAIN_MS)
    see(dashboard, "Tasks")
    expect(dashboard.get_by_role("row", name="Delete jobs").first).to_contain_text("Done", timeout=LOOKED_AGAIN_MS)


def test_selected_jobs_that_wait_get_another_priority(drained: str, dashboard: Page, system: Visit) -> None:
    jobs = [system.submit()["id"] for _ in range(2)]
    see(dashboard, "Jobs")
    for job in jobs:
        dashboard.get_by_label(f"Select job {job}", exact=True).check()
    dashboard.get_by_role("group", name="2 selected").get_by_role("button", name="Priority").click()
    dashboard.get_by_role("spinbutton", name="Priority").fill("9")
    assert barriers(dashboard) == []
    dashboard.get_by_role("dialog").get_by_role("button", name="Change").click()
    for job in jobs:
        row = dashboard.get_by_role("row").filter(has=dashboard.get_by_role("link", name=str(job), exact=True))
        expect(row.get_by_role("cell").nth(4)).to_have_text("9", timeout=LOOKED_AGAIN_MS)


def test_a_job_tells_what_happened_to_it(dashboard: Page, system: Visit) -> None:
    made = system.submit()["id"]
    system.when(made, "completed")
    dashboard.goto(f"/dashboard#/jobs/{made}")
    expect(dashboard.locator(".timeline li")).to_contain_text(["Joined the queue", "Started", "Done"])
    expect(dashboard.locator(".outputs img")).to_be_visible()
    assert barriers(dashboard) == []
    screenshot(dashboard, "dashboard-job", whole=True)
    dashboard.get_by_role("button", name="Retry").click()
    expect(dashboard.get_by_role("heading", name=f"Job {made + 1}")).to_be_visible()


def test_a_new_key_is_shown_once_and_can_be_revoked(dashboard: Page) -> None:
    see(dashboard, "Users")
    dashboard.get_by_label("New user").fill("berta")
    dashboard.get_by_role("button", name="Add", exact=True).click()
    dashboard.get_by_role("row", name="berta").get_by_role("link", name="Keys").click()
    dashboard.get_by_label("New key").fill("laptop")
    dashboard.get_by_role("region", name="Keys of berta").get_by_role("button", name="Add").click()
    expect(dashboard.locator(".key")).to_contain_text("gn_")
    dashboard.reload()
    expect(dashboard.get_by_role("row", name="laptop")).to_contain_text("Good")
    expect(dashboard.locator(".key")).to_have_count(0)
    dashboard.get_by_role("row", name="laptop").get_by_role("button", name="Revoke").click()
    dashboard.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    expect(dashboard.get_by_role("row", name="laptop")).to_contain_text("Revoked")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_use_each_view_on_a_desk_and_on_a_phone(opened: Opened, scheme: str) -> None:
    for name, options in ((f"desk-{scheme}", {}), (f"phone-{scheme}", PHONE)):
        page = opened("/dashboard", **options, color_scheme=scheme)
        for view in VIEWS:
            page.goto(f"/dashboard#/{view}")
            expect(page.locator(f".views [aria-current=page][href='#/{view}']")).to_be_visible()
            expect(page.locator(".view .loaded").first).to_be_visible()
            assert barriers(page) == [], (name, view)
            assert not scrolls_sideways(page), (name, view)
            screenshot(page, f"dashboard-{view}-{name}")


def test_charts_show_what_was_noted_over_each_period(noted_history: int, dashboard: Page) -> None:
    charts = dashboard.locator(".charts")
    waiting = charts.get_by_role("img", name="Waiting, by priority")
    expect(waiting).to_have_attribute("aria-label", re.compile(f"{noted_history} at most"))
    expect(charts.locator("canvas")).to_have_count(6)
    expect(charts.get_by_role("region", name="Waiting, by priority").locator(".u-legend")).to_contain_text("priority 9")
    for period in ("24 h", "30 d", "1 h"):
        dashboard.get_by_role("group", name="Period").get_by_role("button", name=period).click()
        expect(charts.get_by_role("img", name=f"chart of the last {period}")).to_have_count(6)
        expect(charts.locator("canvas")).to_have_count(6)
    assert barriers(dashboard) == []
    screenshot(dashboard, "dashboard-history", whole=True)


def test_charts_are_in_the_colours_of_the_theme_that_is_chosen(noted_history: int, dashboard: Page) -> None:
    legend = dashboard.locator(".charts").get_by_role("region", name="Waiting, by priority").locator(".u-marker")
    expect(legend.last).to_be_visible()
    assert noted_history
    until(lambda: len(colours(dashboard)) > 1)
    first = colours(dashboard)
    other = dashboard.get_by_role("button", name="Light or dark")
    other.click()
    until(lambda: not set(colours(dashboard)) & set(first))
    second = colours(dashboard)
    other.click()
    until(lambda: colours(dashboard) == first)
    other.click()
    until(lambda: colours(dashboard) == second)
    dashboard.reload()
    until(lambda: colours(dashboard) == second)


def colours(page: Page) -> list[str]:
    """What the page and the parts of a legend are coloured with."""
    found: list[str] = page.evaluate(
        "() => [document.documentElement, ...document.querySelectorAll('.charts .u-marker')]"
        ".map((one) => getComputedStyle(one).backgroundColor).filter((one) => one !== 'rgba(0, 0, 0, 0)')"
    )
    return found

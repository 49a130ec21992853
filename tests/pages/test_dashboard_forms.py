"""What is made and changed in the dashboard: servers, webhooks, schedules; and what others than admins have of it."""

import re

import pytest
from playwright.sync_api import Page, expect

from shared.models.accounts.key import Scope
from shared.workflows.parameters import LARGEST_SEED
from tests.journeys.conftest import BODY, bearer
from tests.pages.conftest import PHONE, Opened, Visit
from tests.pages.looks import barriers, screenshot, scrolls_sideways
from tests.pages.names import name_of
from tests.pages.watching import Watch

pytestmark = [pytest.mark.system, pytest.mark.landing]

MORE_THAN_A_PAGE = 51


def test_a_server_is_added_changed_and_removed(opened: Opened, system: Visit) -> None:
    page = opened("/dashboard#/servers")
    page.get_by_role("button", name="Add a server").click()
    page.get_by_label("Address").fill("http://127.0.0.1:9")
    page.get_by_label("Credentials").select_option("basic")
    page.get_by_label("User").fill("anna")
    page.get_by_label("Password").fill("secret")
    assert barriers(page) == []
    screenshot(page, "dashboard-server-form")
    page.get_by_role("dialog").get_by_role("button", name="Add").click()
    row = page.get_by_role("row").filter(has_text="127.0.0.1:9 ")
    row.get_by_role("button", name="Change").click()
    page.get_by_label("Weight").fill("2.5")
    page.get_by_label("Labels").fill("a100, nvlink")
    page.get_by_role("button", name="Save").click()
    expect(row).to_contain_text("a100, nvlink")
    shown = {one["name"]: one for one in system.http.get("/api/v1/servers").json()["items"]}["http://127.0.0.1:9"]
    assert (shown["weight"], shown["labels"], shown["has_credentials"]) == (2.5, ["a100", "nvlink"], True)
    row.get_by_role("button", name="Remove").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(row.get_by_role("button", name="Remove")).to_have_count(0)


def draw_again(page: Page) -> None:
    """Have the view behind a form drawn again, as news do: what was typed stays."""
    with page.expect_response(lambda response: response.request.method == "GET" and "/api/v1/webhooks" in response.url):
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    page.wait_for_timeout(200)


def test_a_webhook_is_made_changed_and_deleted(opened: Opened, watch: Watch) -> None:
    watch.allow("status of 422")
    page = opened("/dashboard#/webhooks", **PHONE)
    page.get_by_role("button", name="New webhook").click()
    page.get_by_label("Address").fill("https://example.com/done")
    draw_again(page)
    for name in ("job done", "job failed"):
        page.get_by_label(name).uncheck()
    add = page.get_by_role("dialog").get_by_role("button", name="Add")
    add.click()
    expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("event_types")
    page.get_by_label("job done").check()
    assert barriers(page) == []
    assert not scrolls_sideways(page)
    screenshot(page, "dashboard-webhook-form-phone")
    add.click()
    expect(page.locator(".key")).to_contain_text("whsec_")
    row = page.get_by_role("row", name="example.com")
    row.get_by_role("button", name="Change").click()
    page.get_by_label("Note").fill("of the shop")
    page.get_by_role("button", name="Save").click()
    expect(row).to_contain_text("of the shop")
    row.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("heading", name="You have no webhook")).to_be_visible()


def test_a_schedule_is_made_with_what_the_studio_is_set_to_and_says_when_it_runs_next(
    opened: Opened, system: Visit, watch: Watch
) -> None:
    watch.allow("status of 422")
    page = opened(timezone_id="UTC")
    page.get_by_label("Prompt").fill("a lighthouse")
    page.goto("/dashboard#/schedules")
    page.get_by_role("button", name="New schedule").click()
    page.get_by_label("Name").fill("nightly")
    page.get_by_label("When").fill("99 3 * * *")
    add = page.get_by_role("dialog").get_by_role("button", name="Add")
    add.click()
    expect(page.locator("#form-cron-problem")).to_contain_text("its minute, 99, is not accepted")
    expect(page.get_by_label("When")).to_be_focused()
    expect(page.get_by_label("When")).to_have_attribute("aria-describedby", "form-cron-problem")
    expect(page.get_by_role("dialog").get_by_role("alert")).to_be_empty()
    page.get_by_label("When").fill("0 3 * * *")
    expect(page.locator("#form-cron-problem")).to_have_count(0)
    expect(page.get_by_label("When")).not_to_have_attribute("aria-invalid", "true")
    page.get_by_label("Time zone").fill("UTC")
    assert barriers(page) == []
    screenshot(page, "dashboard-schedule-form")
    add.click()
    row = page.get_by_role("row", name="nightly")
    expect(row.get_by_role("cell").nth(2)).to_contain_text("3:00 AM")
    (made,) = system.http.get("/api/v1/schedules").json()["items"]
    schedule = f"/api/v1/schedules/{made['id']}"
    job = system.http.get(schedule).json()["job"]
    job["sampler_params"]["seed"] = LARGEST_SEED
    system.http.patch(schedule, json={"job": job}).raise_for_status()
    row.get_by_role("button", name="Change").click()
    expect(page.get_by_label("The job, as JSON")).to_have_value(re.compile("a lighthouse"))
    page.get_by_label("When").fill("30 4 * * *")
    page.get_by_role("button", name="Save").click()
    expect(row).to_contain_text("30 4 * * *")
    assert system.http.get(schedule).json()["job"] == job | {"prompt": "a lighthouse"}
    row.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("heading", name="You have no schedule")).to_be_visible()


def test_a_long_list_has_pages(opened: Opened, system: Visit) -> None:
    user = system.http.post("/api/v1/users", json={"name": "of many keys"}).json()["id"]
    for number in range(MORE_THAN_A_PAGE):
        body = {"name": f"key {number}", "scopes": ["jobs:read"]}
        system.http.post(f"/api/v1/users/{user}/keys", json=body).raise_for_status()
    page = opened(f"/dashboard#/users/{user}")
    keys = page.get_by_role("region", name="Keys of of many keys")
    keys.get_by_role("link", name="Next page").click()
    expect(keys.locator("tbody tr")).to_have_count(1)
    keys.get_by_role("link", name="First page").click()
    expect(keys.locator("tbody tr")).to_have_count(MORE_THAN_A_PAGE - 1)


def test_others_than_admins_see_the_same_of_their_own(opened: Opened, system: Visit) -> None:
    user = system.http.post("/api/v1/users", json={"name": "carla"}).json()["id"]
    key = system.http.post(f"/api/v1/users/{user}/keys", json={"name": "hers", "scopes": ["jobs:read", "jobs:write"]})
    hers = system.http.post("/api/v1/generation-jobs/", json=BODY, headers=bearer(key.json()["key"])).json()["id"]
    own = system.submit()["id"]
    for job in (own, hers):
        system.http.get(f"/api/v1/generation-jobs/{job}", headers={"Prefer": "wait=30"})
    page = opened("/dashboard", scopes=(Scope.READ, Scope.WRITE))
    expect(page.get_by_role("region", name="Your GPU hours")).to_be_visible()
    views = page.get_by_role("navigation", name="Dashboard").get_by_role("link")
    expect(views).to_have_text(["Overview", "Jobs", "Failures", "Webhooks", "Tasks", "Schedules"])
    screenshot(page, "dashboard-own")
    for view in views.all():
        view.click()
        expect(page.locator(".view .loaded").first).to_be_visible()
    page.goto("/dashboard#/jobs")
    expect(page.get_by_role("link", name=str(own), exact=True)).to_be_visible()
    expect(page.get_by_role("link", name=str(hers), exact=True)).to_have_count(0)
    page.goto("/dashboard#/servers")
    expect(page.get_by_role("heading", name="Only admins see this")).to_be_visible()
    page.goto(f"/dashboard#/jobs/{own}")
    expect(page.get_by_role("heading", name=f"Job {own}")).to_be_visible()


def test_what_a_user_may_and_has_used_is_shown_and_changed(opened: Opened, system: Visit) -> None:
    name = name_of("dora")
    user = system.http.post("/api/v1/users", json={"name": name}).json()["id"]
    key = system.http.post(f"/api/v1/users/{user}/keys", json={"name": "hers"}).json()["key"]
    job = system.http.post("/api/v1/generation-jobs/", json=BODY, headers=bearer(key)).json()["id"]
    system.completed(job)
    page = opened("/dashboard#/users")
    row = page.get_by_role("row", name=name)
    expect(row.get_by_role("cell").nth(2)).to_have_text("1")
    row.get_by_role("button", name="Change").click()
    page.get_by_label("Share").fill("2.5")
    page.get_by_label("Jobs at once").fill("3")
    page.get_by_label("GPU hours in a month").fill("1.5")
    page.get_by_label("Jobs in a month").fill("40")
    assert barriers(page) == []
    screenshot(page, "dashboard-user-form")
    page.get_by_role("button", name="Save").click()
    expect(row).to_contain_text("1.5 GPU hours, 40 jobs")
    shown = system.http.get(f"/api/v1/users/{user}").json()
    assert (shown["weight"], shown["running_jobs_limit"]) == (2.5, 3)
    assert shown["budget"] == {"gpu_seconds": 5400, "jobs": 40}
    row.get_by_role("button", name="Change").click()
    page.get_by_label("Jobs at once").fill("")
    page.get_by_label("GPU hours in a month").fill("")
    page.get_by_role("button", name="Save").click()
    expect(row).to_contain_text("no limit")
    shown = system.http.get(f"/api/v1/users/{user}").json()
    assert (shown["running_jobs_limit"], shown["budget"]) == (None, {"jobs": 40})


def test_a_key_has_an_end_and_limits_of_its_own(opened: Opened, system: Visit) -> None:
    user = system.http.post("/api/v1/users", json={"name": name_of("emil")}).json()["id"]
    page = opened(f"/dashboard#/users/{user}")
    page.get_by_label("New key").fill("for a day")
    page.get_by_text("End and limits").click()
    page.get_by_label("Good until the end of").fill("2099-12-31")
    page.get_by_label("Jobs that wait").fill("7")
    assert barriers(page) == []
    page.locator("form").filter(has_text="New key").get_by_role("button", name="Add").click()
    expect(page.get_by_role("row", name="for a day")).to_contain_text("Jobs that wait: 7")
    (key,) = system.http.get(f"/api/v1/users/{user}/keys").json()["items"]
    assert key["limits"] == {"queued_jobs": 7}
    assert key["expires_at"].startswith(("2099-12-31", "2100-01-01"))

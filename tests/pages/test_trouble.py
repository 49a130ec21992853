"""What is refused and what is away: said in a sentence with what to do, and mended by itself where that can be."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from shared.models.accounts.key import Scope
from tests.pages.conftest import Opened, Visit
from tests.pages.looks import barriers, screenshot
from tests.pages.test_studio import done, make, make_small
from tests.pages.watching import Watch

pytestmark = [pytest.mark.system, pytest.mark.landing]

WHAT_TO_DO = re.compile("Ask whoever runs this service for such a key, sign out, and sign in with it")
REACHED = "Connection lost"


def problem(page: Page) -> None:
    expect(page.get_by_role("status").filter(has_text=WHAT_TO_DO)).to_be_visible()


def test_who_is_no_admin_is_told_so_on_a_view_of_admins(opened: Opened) -> None:
    page = opened("/dashboard#/servers", scopes=(Scope.READ, Scope.WRITE))
    expect(page.get_by_role("heading", name="Only admins see this")).to_be_visible()
    expect(page.locator(".view")).to_contain_text("Ask whoever runs this service")
    assert barriers(page) == []
    screenshot(page, "dashboard-not-for-others")
    page.get_by_role("link", name="Go to the overview").click()
    expect(page.get_by_role("region", name="Your GPU hours")).to_be_visible()
    page.goto("/dashboard#/nowhere")
    expect(page.get_by_role("heading", name="There is no such view here")).to_be_visible()


def test_who_may_look_and_not_make_is_told_what_to_do(opened: Opened, system: Visit, watch: Watch) -> None:
    watch.allow("status of 403")
    system.completed(system.submit()["id"])
    page = opened(scopes=(Scope.READ,))
    make(page)
    refusal = page.get_by_role("alert").filter(has_text=WHAT_TO_DO)
    expect(refusal).to_contain_text("This needs a key with the scope jobs:write")
    assert barriers(page) == []
    screenshot(page, "studio-forbidden")
    page.get_by_role("button", name="Again").click()
    problem(page)
    page.goto("/gallery")
    page.locator(".tile .open").first.focus()
    page.keyboard.press("p")
    problem(page)
    page.goto("/dashboard#/schedules")
    page.get_by_role("button", name="New schedule").click()
    page.get_by_label("Name").fill("nightly")
    page.get_by_role("dialog").get_by_role("button", name="Add").click()
    expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text(WHAT_TO_DO)


@pytest.mark.parametrize("path", ["/studio", "/gallery", "/dashboard", "/dashboard#/jobs"])
def test_who_may_not_even_look_is_told_what_to_do(opened: Opened, watch: Watch, path: str) -> None:
    watch.allow("status of 403")
    page = opened(path, scopes=(Scope.WRITE,))
    expect(page.get_by_role("alert").filter(has_text=WHAT_TO_DO).first).to_be_visible()
    expect(page.get_by_text(REACHED)).to_have_count(0)
    assert barriers(page) == []


@pytest.mark.parametrize("path", ["/studio", "/gallery", "/dashboard"])
def test_a_page_that_finds_nobody_tries_again_by_itself(opened: Opened, watch: Watch, path: str) -> None:
    watch.allow("status of 503")
    page = opened(None)
    away = {"status": 503, "code": "database_unavailable", "detail": "the database cannot be reached right now"}

    def answer(route: Route) -> None:
        route.fulfill(status=503, json=away)

    page.route("**/session", answer)
    page.goto(path)
    expect(page.get_by_role("alert")).to_contain_text("The database cannot be reached right now")
    page.unroute("**/session", answer)
    expect(page.get_by_role("alert")).to_have_count(0)
    expect(page.locator(".studio, .gallery, .dashboard")).to_be_visible()


def test_what_was_wrong_with_a_field_goes_with_what_was_in_it(page: Page, watch: Watch) -> None:
    watch.allow("status of 422")
    page.get_by_label("Width", exact=True).fill("65")
    page.get_by_label("Height", exact=True).fill("67")
    make(page)
    expect(page.locator("#width-problem")).to_be_visible()
    page.get_by_label("Width", exact=True).fill("64")
    expect(page.locator("#width-problem")).to_have_count(0)
    expect(page.locator("#height-problem")).to_be_visible()
    page.get_by_role("button", name="Small").click()
    expect(page.locator("[aria-invalid]")).to_have_count(0)


def test_that_no_server_has_a_model_is_said_no_longer_than_it_is_so(opened: Opened) -> None:
    page = opened(None)
    page.clock.install()
    nothing: dict[str, Any] = {"items": [], "cursor": None}
    page.route("**/api/v1/models/checkpoints*", lambda route: route.fulfill(json=nothing), times=1)
    page.goto("/studio")
    said = page.get_by_role("alert").filter(has_text="No server has a model yet")
    expect(said).to_be_visible()
    page.clock.run_for(60_000)
    expect(said).to_have_count(0)
    expect(page.get_by_label("Model")).to_have_value(re.compile("random_sd15"))


def test_what_went_wrong_with_a_job_is_said_in_full_once(opened: Opened, system: Visit) -> None:
    sentence = "the canvas is made of stone"
    system.comfyui.fault("node_error", exception_message=sentence)
    job = system.submit()["id"]
    system.when(job, "failed")
    page = opened(f"/dashboard#/jobs/{job}")
    expect(page.locator(".timeline li").last).to_contain_text("Failed")
    expect(page.get_by_role("row").last).to_contain_text("Node failed")
    assert page.locator(".view").inner_text().count(sentence) == 1
    expect(page.locator(".failure")).to_contain_text(sentence)


def test_a_session_that_is_revoked_leads_to_where_one_signs_in(page: Page, system: Visit, watch: Watch) -> None:
    watch.allow("status of 401")
    expect(page.get_by_label("Prompt")).to_be_visible()
    user = system.http.get("/api/v1/me").json()["user"]["id"]
    keys = system.http.get(f"/api/v1/users/{user}/keys").json()["items"]
    (browser,) = [key["id"] for key in keys if key["name"] == "browser"]
    system.http.post(f"/api/v1/keys/{browser}/revoke").raise_for_status()
    page.wait_for_url("**/sign-in?then=studio&ended=1")


def test_a_problem_is_said_until_it_is_closed(page: Page, watch: Watch) -> None:
    watch.allow("status of 409")
    make_small(page)
    done(page)
    page.clock.install()
    refusal = {"status": 409, "code": "not_final", "detail": "this job has not ended"}
    page.route("**/retry", lambda route: route.fulfill(status=409, json=refusal))
    page.get_by_role("button", name="Again").click()
    said = page.locator(".toast").filter(has_text="This job has not ended")
    expect(said).to_be_visible()
    page.clock.run_for(60_000)
    expect(said).to_be_visible()
    said.get_by_role("button", name="Close").click()
    expect(said).to_have_count(0)


def test_a_refusal_of_a_field_that_is_folded_away_unfolds_it(page: Page, watch: Watch) -> None:
    watch.allow("status of 422")
    refusal = {
        "status": 422,
        "code": "invalid_fields",
        "detail": "1 field is wrong",
        "errors": [{"field": "sampler_params.steps", "message": "must be at most 150"}],
    }
    page.route("**/generation-jobs/", lambda route: route.fulfill(status=422, json=refusal), times=1)
    make(page)
    expect(page.get_by_label("Steps")).to_be_focused()
    expect(page.locator("#steps-problem")).to_have_text("must be at most 150")


def test_a_refusal_of_what_is_in_no_form_stands_at_the_button(page: Page, watch: Watch) -> None:
    watch.allow("status of 422")
    errors = [{"field": "priority", "message": "at most 5 with this key"}]
    refusal = {"status": 422, "code": "invalid_fields", "detail": "1 field is wrong", "errors": errors}
    page.route("**/generation-jobs/", lambda route: route.fulfill(status=422, json=refusal), times=1)
    make(page)
    expect(page.locator(".send").get_by_role("alert")).to_contain_text("priority: at most 5 with this key")


def test_a_job_that_cannot_start_says_why_until_it_can(page: Page, system: Visit) -> None:
    me = system.http.get("/api/v1/me").json()["user"]["id"]
    system.http.post(f"/api/v1/users/{me}/pause", json={"reason": "new cards at noon"}).raise_for_status()
    make_small(page)
    why = "an operator has paused the jobs of this user: new cards at noon."
    expect(page.locator(".job").first.locator(".held")).to_have_text(why)
    assert barriers(page) == []
    screenshot(page, "studio-held")
    job_id = system.http.get("/api/v1/generation-jobs/").json()["items"][0]["id"]
    page.goto(f"/dashboard#/jobs/{job_id}")
    expect(page.locator(".view .held")).to_have_text(why)
    assert barriers(page) == []
    screenshot(page, "dashboard-job-held")
    system.http.post(f"/api/v1/users/{me}/resume").raise_for_status()
    expect(page.locator(".view .held")).to_have_count(0)

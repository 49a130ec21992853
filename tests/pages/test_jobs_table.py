"""The table of jobs has the filters and deeds of the API."""

import json

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.conftest import until
from tests.pages.conftest import Opened, Visit
from tests.pages.looks import barriers, screenshot
from tests.pages.test_gallery import JOBS, made

pytestmark = [pytest.mark.system, pytest.mark.landing]


def listed(page: Page) -> None:
    expect(page.get_by_role("table", name="Jobs")).to_be_visible()


def ids(system: Visit) -> dict[str, int]:
    return {job["prompt"]: job["id"] for job in system.http.get(JOBS).json()["items"]}


def own(page: Page, system: Visit, rest: str = "") -> None:
    user = system.http.get("/api/v1/me").json()["user"]["id"]
    page.goto(f"/dashboard#/jobs?user_id={user}{rest}")
    listed(page)


def test_jobs_are_filtered_by_all_that_the_list_knows(opened: Opened, system: Visit) -> None:
    made(system, "a harbour")
    system.completed(system.submit(prompt="a lighthouse", metadata={"project": "north"})["id"])
    system.http.patch(f"{JOBS}{ids(system)['a harbour']}", json={"pinned": True}).raise_for_status()
    page = opened("/dashboard#/jobs")
    own(page, system)
    rows = page.locator("tbody tr")
    expect(rows).to_have_count(2)
    page.get_by_text("More filters").click()
    assert barriers(page) == []
    screenshot(page, "jobs-filters")
    page.get_by_label("Pinned only").check()
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("a harbour")
    page.get_by_label("Pinned only").uncheck()
    expect(rows).to_have_count(2)
    page.get_by_label("Tag").fill("project:north")
    page.get_by_label("Tag").press("Enter")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("a lighthouse")
    page.get_by_role("button", name="Without these").click()
    expect(rows).to_have_count(2)
    page.get_by_label("To", exact=True).fill("2020-01-01")
    expect(page.get_by_role("heading", name="No job is like this")).to_be_visible()
    page.reload()
    page.get_by_text("More filters (1)").click()
    expect(page.get_by_label("To", exact=True)).to_have_value("2020-01-01")
    page.get_by_label("To", exact=True).fill("")
    page.get_by_label("Made by").select_option("a workflow")
    expect(page.get_by_role("heading", name="No job is like this")).to_be_visible()
    page.get_by_label("Made by").select_option("the form")
    page.get_by_label("Model").select_option("random_sd15")
    expect(rows).to_have_count(2)


def test_selected_jobs_are_tagged_and_those_that_match_are_packed(opened: Opened, system: Visit) -> None:
    made(system, "a harbour", "a lighthouse")
    page = opened("/dashboard#/jobs")
    harbour = ids(system)["a harbour"]
    page.get_by_label(f"Select job {harbour}", exact=True).check()
    page.get_by_role("group", name="1 selected").get_by_role("button", name="Tag").click()
    page.get_by_role("dialog").get_by_label("Tag").fill("project")
    page.get_by_role("dialog").get_by_label("Value").fill("north")
    assert barriers(page) == []
    page.get_by_role("dialog").get_by_role("button", name="Tag").click()
    until(lambda: system.job(harbour)["metadata"] == {"project": "north"})
    own(page, system, "&metadata=project:north")
    rows = page.locator("tbody tr")
    expect(rows).to_have_count(1)
    page.get_by_label("Select this page").check()
    page.get_by_role("button", name="Select all that match").click()
    page.get_by_role("button", name="Pack as ZIP").click()
    expect(page.get_by_role("status").filter(has_text="The ZIP is made in the background")).to_be_visible()
    tasks = system.http.get("/api/v1/tasks").json()["items"]
    (packed,) = [task for task in tasks if task["kind"] == "export"]
    until(lambda: system.http.get(f"/api/v1/tasks/{packed['id']}").json()["state"] == "completed")
    assert "1" in json.dumps(system.http.get(f"/api/v1/tasks/{packed['id']}").json()["done"])


def test_a_job_is_made_again_with_changes(opened: Opened, system: Visit) -> None:
    job = system.completed(system.submit(steps=3)["id"])
    page = opened(f"/dashboard#/jobs/{job['id']}")
    page.get_by_role("link", name="Change and run").click()
    expect(page.get_by_label("Prompt")).to_have_value("a cat")
    page.get_by_text("More settings").click()
    expect(page.get_by_label("Steps")).to_have_value("3")
    expect(page.get_by_label("Seed")).to_have_value(str(job["sampler_params"]["seed"]))
    assert "#" not in page.url


def test_a_job_that_runs_shows_its_preview(opened: Opened, system: Visit) -> None:
    system.comfyui.pace(step_seconds=0.5)
    job = system.submit(steps=40, params={"previews": True})["id"]
    page = opened(f"/dashboard#/jobs/{job}")
    expect(page.get_by_role("img", name="What it looks like now")).to_be_visible()
    system.comfyui.pace(step_seconds=0.0)

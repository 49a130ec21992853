"""Seeds go up to 2**64 - 1, and JavaScript counts exactly to 2**53: none is lost on its way through the pages."""

import json
import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.pages.conftest import Visit
from tests.pages.test_studio import done, make_small
from tests.pages.test_workflows import PLAIN, drop, paste

pytestmark = [pytest.mark.system, pytest.mark.landing]

SMALL = {"checkpoint_model": "random_sd15.safetensors", "width": 64, "height": 64}
LARGEST = 2**64 - 1
ODD = 2**53 + 1  # the first that JavaScript does not count


def seeds(system: Visit) -> list[int]:
    """The seeds of the user's jobs, the newest first."""
    jobs = [system.job(job["id"]) for job in system.http.get("/api/v1/generation-jobs/").json()["items"]]
    return [seed_of(job) for job in jobs]


def seed_of(job: dict[str, Any]) -> int:
    if job.get("workflow"):
        return int(job["workflow"]["4"]["inputs"]["seed"])
    return int(job["sampler_params"]["seed"])


def workflow_with(seed: int) -> dict[str, Any]:
    nodes: dict[str, Any] = json.loads(json.dumps(PLAIN))
    nodes["4"]["inputs"]["seed"] = seed
    return nodes


def submitted(system: Visit, **body: Any) -> int:
    """The id of a job that has completed."""
    made = system.http.post("/api/v1/generation-jobs/", json=body)
    made.raise_for_status()
    return int(system.completed(made.json()["id"])["id"])


def test_a_seed_that_is_typed_is_used_kept_over_a_reload_and_used_again(page: Page, system: Visit) -> None:
    page.get_by_text("More settings").click()
    page.get_by_label("Seed").fill(str(LARGEST))
    make_small(page)
    done(page)
    page.reload()
    page.get_by_text("More settings").click()
    expect(page.get_by_label("Seed")).to_have_value(str(LARGEST))
    page.get_by_label("Seed").fill("5")
    page.get_by_role("button", name="Use settings").click()
    expect(page.get_by_label("Seed")).to_have_value(str(LARGEST))
    page.get_by_role("button", name="Make").click()
    expect(page.locator(".job")).to_have_count(2)
    assert seeds(system) == [LARGEST, LARGEST]


def test_inputs_of_a_workflow_are_sent_as_they_were_pasted_and_as_they_are_typed(page: Page, system: Visit) -> None:
    paste(page, json.dumps(workflow_with(ODD)))
    expect(page.get_by_label("seed")).to_have_value(str(ODD))
    page.get_by_label("steps").fill("3")
    page.get_by_role("button", name="Make").click()
    done(page)
    page.get_by_label("seed").fill(str(LARGEST - 1))
    page.get_by_role("button", name="Make").click()
    expect(page.locator(".job")).to_have_count(2)
    assert seeds(system) == [LARGEST - 1, ODD]


def test_a_picture_gives_back_its_seed_and_the_dashboard_and_the_gallery_show_it(page: Page, system: Visit) -> None:
    made = submitted(system, workflow=workflow_with(LARGEST))
    page.goto(f"/dashboard#/jobs/{made}")
    page.get_by_text("Workflow", exact=True).click()
    expect(page.locator("pre")).to_contain_text(f'"seed": {LARGEST}')
    typed = submitted(system, **SMALL, prompt="a", sampler_params={"seed": ODD, "steps": 1})
    page.goto(f"/dashboard#/jobs/{typed}")
    expect(page.locator(".facts")).to_contain_text(str(ODD))
    page.goto("/gallery")
    page.locator(".tile .open").first.click()
    expect(page.locator(".lightbox-bar")).to_contain_text(str(ODD))
    page.goto("/studio")
    picture = system.http.get(system.job(made)["outputs"][0]["url"]).content
    drop(page, "made.png", "image/png", picture)
    expect(page.get_by_label("seed")).to_have_value(str(LARGEST))


def test_a_schedule_keeps_the_seed_of_its_job(page: Page, system: Visit) -> None:
    job = {"prompt": "a", "checkpoint_model": "random_sd15.safetensors", "sampler_params": {"seed": LARGEST}}
    body = {"name": "nightly", "cron": "0 3 * * *", "time_zone": "UTC", "job": job}
    schedule = system.http.post("/api/v1/schedules", json=body).json()["id"]
    page.goto("/dashboard#/schedules")
    page.get_by_role("row", name="nightly").get_by_role("button", name="Change").click()
    text = page.get_by_role("textbox", name="The job, as JSON")
    expect(text).to_have_value(re.compile(rf'"seed": {LARGEST}\b'))
    text.fill(json.dumps({**job, "prompt": "b", "sampler_params": {"seed": ODD}}))
    page.get_by_role("dialog").get_by_role("button", name="Save").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    kept = system.http.get(f"/api/v1/schedules/{schedule}").json()["job"]
    assert (kept["prompt"], kept["sampler_params"]["seed"]) == ("b", ODD)

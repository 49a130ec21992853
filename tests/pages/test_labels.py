"""Jobs are found by the labels that they ask for, in the table and in the gallery."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.journeys.conftest import until
from tests.pages.conftest import Opened, Visit
from tests.pages.looks import barriers

pytestmark = [pytest.mark.system, pytest.mark.landing]

JOBS, SERVERS = "/api/v1/generation-jobs/", "/api/v1/servers"
JOB = {"checkpoint_model": "random_sd15.safetensors", "width": 64, "height": 64, "sampler_params": {"steps": 1}}
LOOKED_AGAIN_MS = 20_000


@pytest.fixture
def jobs(system: Visit) -> Iterator[dict[str, int]]:
    """Completed jobs by their prompts: one asks for two labels of the only server, one for one, one for none."""
    name = system.http.get(SERVERS).json()["items"][0]["name"]
    system.http.patch(SERVERS, json={"server": name, "labels": ["a100", "nvlink"]}).raise_for_status()
    asked: dict[str, list[str]] = {"both": ["a100", "nvlink"], "one": ["a100"], "none": []}
    # The API reads anew every few seconds what labels there are.
    until(lambda: system.http.post(f"{JOBS}validate", json={**JOB, "prompt": "x", "requires": ["nvlink"]}).is_success)
    yield {prompt: completed(system, prompt=prompt, requires=labels)["id"] for prompt, labels in asked.items()}
    system.http.patch(SERVERS, json={"server": name, "labels": None}).raise_for_status()


def completed(system: Visit, **values: Any) -> dict[str, Any]:
    made = system.http.post(JOBS, json={**JOB, **values}, headers={"Prefer": "wait=30"})
    assert made.status_code == 201, made.text
    assert made.json()["status"] == "completed", made.text
    return made.json()  # type: ignore[no-any-return]


def ask_for(page: Page, labels: str) -> Locator:
    field = page.get_by_label("Labels", exact=True)
    field.fill(labels)
    field.press("Enter")
    return field


def test_the_table_shows_jobs_that_ask_for_these_labels_and_a_task_does_them(
    jobs: dict[str, int], opened: Opened, system: Visit
) -> None:
    page = opened("/dashboard#/jobs")
    links = {prompt: page.get_by_role("link", name=str(job), exact=True) for prompt, job in jobs.items()}
    for link in links.values():
        expect(link).to_be_visible()
    ask_for(page, "A100")
    expect(links["none"]).to_have_count(0)
    expect(links["one"]).to_be_visible()
    expect(page).to_have_url(re.compile("requires=a100$"))
    ask_for(page, "a100, nvlink")
    expect(links["one"]).to_have_count(0)
    expect(page).to_have_url(re.compile("requires=a100&requires=nvlink"))
    page.reload()
    expect(links["both"]).to_be_visible()
    expect(page.get_by_label("Labels", exact=True)).to_have_value("a100, nvlink")
    assert barriers(page) == []
    ask_for(page, "no/label")
    expect(page).to_have_url(re.compile("requires=a100&requires=nvlink"))
    page.get_by_role("checkbox", name="Select this page").check()
    page.get_by_role("button", name="Select all that match").click()
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(links["both"]).to_have_count(0, timeout=LOOKED_AGAIN_MS)
    assert system.http.get(f"{JOBS}{jobs['one']}").is_success


def test_a_job_says_which_labels_it_asks_for(jobs: dict[str, int], opened: Opened) -> None:
    page = opened(f"/dashboard#/jobs/{jobs['both']}")
    expect(page.locator("dl", has_text="Labels")).to_contain_text("a100, nvlink")


@pytest.mark.usefixtures("jobs")
def test_the_gallery_shows_what_was_made_with_these_labels(opened: Opened) -> None:
    page = opened("/gallery")
    tiles, field = page.locator(".tile .open"), page.get_by_label("Labels", exact=True)
    expect(tiles).to_have_count(3)
    field.fill("a100")
    expect(tiles).to_have_count(2)
    field.fill("a100 nvlink")
    expect(tiles).to_have_count(1)
    field.fill("a100 nvlink /")
    page.reload()
    expect(tiles).to_have_count(1)
    expect(field).to_have_value("a100 nvlink")
    assert barriers(page) == []
    field.fill("")
    expect(tiles).to_have_count(3)

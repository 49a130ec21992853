"""A job that began with a picture is made again, or with changes, with the same picture, mask and strength."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.pages.conftest import Visit
from tests.pages.test_studio import done
from tests.pages.watching import Watch
from tests.worker_service.media.pictures import encoded, picture

pytestmark = [pytest.mark.system, pytest.mark.landing]

STRENGTH = 0.35
PROMPT = "a cat in snow"
JOBS = "/api/v1/generation-jobs/"
Begun = tuple[dict[str, Any], str, str]


def uploaded(system: Visit, name: str) -> str:
    file = {"file": (name, encoded(picture((64, 64)), "PNG"), "image/png")}
    return str(system.http.post("/api/v1/assets", files=file).json()["id"])


@pytest.fixture
def begun(system: Visit) -> Begun:
    """A job of a picture, with a mask; and the assets of both."""
    image, mask = uploaded(system, "cat.png"), uploaded(system, "a mask.png")
    given: dict[str, Any] = {
        "image": referred(image),
        "mask": referred(mask),
        "mask_areas": "transparent",
        "denoise": STRENGTH,
    }
    made = system.submit(prompt=PROMPT, width=64, height=64, **given)
    return system.completed(made["id"]), image, mask


def referred(asset: str) -> dict[str, Any]:
    return {"__type": "core/ASSET", "info": {"id": asset}}


def made_next(page: Page, system: Visit) -> dict[str, Any]:
    """The job that the form makes as it is."""
    with page.expect_response(lambda answer: answer.request.method == "POST") as answered:
        page.get_by_role("button", name="Make").click()
    return system.completed(answered.value.json()["id"])


def assert_same(job: dict[str, Any], begun: dict[str, Any]) -> None:
    said = [
        (one["prompt"], one["assets"], one["params"].get("mask_areas"), one["sampler_params"]["denoise"])
        for one in (job, begun)
    ]
    assert said[0] == said[1]


def test_use_settings_begins_with_the_picture_of_the_job(page: Page, system: Visit, begun: Begun) -> None:
    page.reload()
    page.get_by_role("button", name="Use settings").click()
    expect(page.get_by_role("img", name="cat.png")).to_be_visible()
    expect(page.get_by_role("img", name="what is transparent is repainted")).to_be_visible()
    expect(page.get_by_text(f"How much may change: {STRENGTH:.0%}".replace("%", " %"))).to_be_visible()
    # Who only looks at the mask keeps it.
    page.get_by_role("button", name="Draw another mask").click()
    page.get_by_role("button", name="Use this mask").click()
    assert_same(made_next(page, system), begun[0])


def test_change_and_run_begins_with_the_picture_of_the_job(page: Page, system: Visit, begun: Begun) -> None:
    page.goto(f"/dashboard#/jobs/{begun[0]['id']}")
    page.get_by_role("link", name="Change and run").click()
    expect(page.get_by_role("img", name="cat.png")).to_be_visible()
    assert_same(made_next(page, system), begun[0])


def test_again_and_variations_keep_the_picture(page: Page, system: Visit, begun: Begun) -> None:
    page.reload()
    with page.expect_response("**/retry") as answered:
        page.get_by_role("button", name="Again").click()
    assert_same(system.completed(answered.value.json()["id"]), begun[0])
    page.goto("/gallery")
    page.get_by_role("button", name=PROMPT).first.click()
    with page.expect_response("**/retry") as answered:
        page.get_by_role("button", name="Variations").click()
    assert_same(system.completed(answered.value.json()["id"]), begun[0])


@pytest.mark.parametrize("gone", ["cat.png", "a mask.png"])
def test_what_was_deleted_is_said_and_the_rest_is_used(
    page: Page, system: Visit, begun: Begun, watch: Watch, gone: str
) -> None:
    watch.allow("status of 404")
    job, image, mask = begun
    system.http.delete(f"/api/v1/assets/{image if gone == 'cat.png' else mask}").raise_for_status()
    page.reload()
    page.get_by_role("button", name="Use settings").click()
    what = "The picture that this job began with" if gone == "cat.png" else "The mask of this job"
    expect(page.get_by_text(f"{what} was deleted.")).to_be_visible()
    expect(page.get_by_label("Prompt")).to_have_value(PROMPT)
    expect(page.get_by_role("img", name="cat.png")).to_have_count(0 if gone == "cat.png" else 1)
    made = made_next(page, system)
    assert (made["assets"] or {}) == ({} if gone == "cat.png" else {"image": job["assets"]["image"]})
    done(page)


def test_again_without_the_picture_says_what_is_missing(page: Page, system: Visit, begun: Begun, watch: Watch) -> None:
    watch.allow("status of 422")
    system.http.delete(f"/api/v1/assets/{begun[1]}").raise_for_status()
    page.reload()
    page.get_by_role("button", name="Again").click()
    expect(page.locator(".problem-toast")).to_contain_text("began with was deleted, so")
    page.goto(f"/dashboard#/jobs/{begun[0]['id']}")
    page.get_by_role("button", name="Retry").click()
    expect(page.locator(".problem-toast")).to_contain_text("began with was deleted, so")

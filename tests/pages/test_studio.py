"""The studio, as who makes pictures with it has it."""

import pytest
from playwright.sync_api import Page, expect

from tests.pages.conftest import Visit
from tests.pages.looks import barriers, screenshot, scrolls_sideways

pytestmark = pytest.mark.system


def test_ctrl_enter_makes_a_picture_that_appears(page: Page, system: Visit) -> None:
    page.get_by_label("Prompt").fill("a lighthouse at dusk")
    page.get_by_label("Prompt").press("Control+Enter")
    expect(page.locator(".job .badge")).to_have_text("Done", timeout=30_000)
    expect(page.locator(".job .shots img")).to_be_visible()
    screenshot(page, "studio")


def test_a_phone_shows_the_studio_without_scrolling_sideways(phone: Page) -> None:
    expect(phone.get_by_label("Prompt")).to_be_visible()
    assert not scrolls_sideways(phone)
    screenshot(phone, "studio-phone", whole=True)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_the_studio(page: Page, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    expect(page.get_by_label("Prompt")).to_be_visible()
    assert barriers(page) == []

"""A browser signs in, by a link or by a key that is pasted, and out."""

import pytest
from playwright.sync_api import Page, expect

from tests.pages.conftest import Opened, Visit
from tests.pages.looks import barriers, screenshot
from tests.pages.watching import Watch

pytestmark = [pytest.mark.system, pytest.mark.landing]


def paste_key(page: Page, key: str) -> None:
    page.get_by_label("Your key").fill(key)
    page.get_by_label("Your key").press("Enter")


def test_a_link_signs_in_once_and_leaves_no_code_in_the_address(page: Page, system: Visit) -> None:
    expect(page.get_by_label("Prompt")).to_be_visible()
    assert page.url == f"{system.system.api_url}/studio"


def test_a_link_signs_in_where_one_is_asked_to_sign_in_already(opened: Opened, system: Visit) -> None:
    page = opened("/sign-in", signed_in=False)
    expect(page.get_by_label("Your key")).to_be_visible()
    page.goto(system.make_link())
    page.wait_for_url("**/studio")


def test_a_key_that_is_pasted_signs_in_and_leads_where_one_wanted_to_go(opened: Opened, system: Visit) -> None:
    page = opened("/gallery?status=failed", signed_in=False)
    paste_key(page, system.system.key)
    page.wait_for_url("**/gallery?status=failed")
    assert system.system.key not in str(page.context.storage_state())


def test_a_browser_without_javascript_is_told_that_the_pages_need_it(opened: Opened) -> None:
    page = opened("/studio", signed_in=False, java_script_enabled=False)
    expect(page.locator("noscript p")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_wrong_key_is_said_so_at_its_field(opened: Opened, watch: Watch, scheme: str) -> None:
    watch.allow("status of 401")
    page = opened(signed_in=False, color_scheme=scheme)
    paste_key(page, "gn_wrong_00")
    expect(page.get_by_label("Your key")).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_role("alert")).to_contain_text("key")
    assert barriers(page) == []
    screenshot(page, f"sign-in-{scheme}")


def test_who_signs_out_is_asked_to_sign_in(page: Page) -> None:
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/sign-in")
    page.goto("/studio")
    page.wait_for_url("**/sign-in?then=studio")


def test_who_is_signed_out_meanwhile_is_told_so_and_comes_back(page: Page, system: Visit, watch: Watch) -> None:
    watch.allow("status of 401")
    page.get_by_label("Prompt").fill("a lighthouse")
    page.context.clear_cookies()
    page.get_by_role("button", name="Make").click()
    expect(page.get_by_role("status").filter(has_text="Your session has ended")).to_be_visible()
    assert barriers(page) == []
    paste_key(page, system.system.key)
    page.wait_for_url("**/studio")
    expect(page.get_by_label("Prompt")).to_have_value("a lighthouse")

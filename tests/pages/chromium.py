"""The Chromium of this machine, and the sentence that tests are skipped with where it or the pages are not there."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from api_service.doors.pages.files import BUILT

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome") or ""
# Root has no sandbox; and nothing is to be asked of any other host, not even by the browser itself.
OPTIONS = ("--no-sandbox", "--disable-background-networking", "--disable-component-update", "--no-pings")

PATIENCE_MS = 30_000  # what takes longer does not come about, however slow the machine is


def skip_where_something_lacks() -> None:
    if not CHROMIUM:
        pytest.skip("the pages are tried in Chromium, which is not in PATH: install it")
    if not (BUILT / "built").exists():
        pytest.skip("`make pages` makes the pages; they are not there")


@contextmanager
def running_chromium() -> Iterator[Browser]:
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(OPTIONS))
        yield browser
        browser.close()

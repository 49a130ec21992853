"""How pages come over the wire: small, in few requests, and below a path of a proxy too."""

import pytest
from playwright.sync_api import Page, Request, expect

from tests.api_service.serving import served_here
from tests.pages.conftest import Opened, Visit
from tests.pages.prefix import behind_prefix
from tests.pages.test_studio import done, make_small
from tests.pages.watching import Watch

pytestmark = pytest.mark.system

MOST_BYTES = 150_000
MOST_REQUESTS = 10
PREFIX = "/make/pictures"


@pytest.mark.parametrize("path", ["/studio", "/gallery", "/dashboard"])
def test_the_first_load_of_a_page_is_small(opened: Opened, page: Page, path: str) -> None:
    fresh = opened(None, signed_in=False, storage_state=page.context.storage_state())
    seen: list[Request] = []
    fresh.on("requestfinished", lambda request: seen.append(request))
    fresh.goto(path, wait_until="networkidle")
    sizes = [one.sizes() for one in seen]
    assert sum(one["responseBodySize"] + one["responseHeadersSize"] for one in sizes) <= MOST_BYTES
    assert len(seen) - 1 <= MOST_REQUESTS, [one.url for one in seen]


@pytest.mark.parametrize(
    ("root_path", "takes_away"),
    [("", True), (PREFIX, True), (PREFIX, False)],
    ids=["the API knows nothing", "the path is taken away", "the path is passed on"],
)
def test_pages_work_below_a_path_of_a_proxy(
    opened: Opened, system: Visit, watch: Watch, root_path: str, takes_away: bool
) -> None:
    environ = {**system.system.environ, "ROOT_PATH": root_path}
    with (
        served_here(environ, system.system.key) as api,
        behind_prefix(f"http://{api.address}", PREFIX, takes_away=takes_away) as url,
    ):
        watch.host = url.removeprefix("http://").partition("/")[0]
        page = opened(system.make_link().replace(system.system.api_url, url), signed_in=False)
        page.wait_for_url(f"{url}/studio")
        make_small(page)
        done(page)
        page.get_by_role("link", name="Gallery").click()
        page.wait_for_url(f"{url}/gallery")
        expect(page.get_by_role("link", name="Gallery")).to_have_attribute("aria-current", "page")
        picture = page.locator("main img").first
        expect(picture).to_be_visible()
        assert picture.evaluate("(image) => image.decode().then(() => image.naturalWidth)") > 0
        page.goto(f"{url}/dashboard#/jobs")
        expect(page.get_by_role("row").filter(has_text="a lighthouse").first).to_be_visible()
        assert {cookie["path"] for cookie in page.context.cookies()} == {root_path or "/"}
        if root_path:
            page.goto(f"{url}/docs")
            expect(page.get_by_text("/api/v1/me").first).to_be_visible()
        page.close()  # it would ask on, when the proxy is gone

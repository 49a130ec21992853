"""How pages come over the wire: small, in few requests, and below a path of a proxy too."""

import pytest
from playwright.sync_api import Page, Request, expect

from tests.pages.conftest import Opened, Visit
from tests.pages.prefix import behind_prefix
from tests.pages.test_studio import done, make_small
from tests.pages.watching import Watch

pytestmark = pytest.mark.system

MOST_BYTES = 150_000
MOST_REQUESTS = 10


@pytest.mark.parametrize("path", ["/studio", "/gallery", "/dashboard"])
def test_the_first_load_of_a_page_is_small(opened: Opened, page: Page, path: str) -> None:
    fresh = opened(None, signed_in=False, storage_state=page.context.storage_state())
    seen: list[Request] = []
    fresh.on("requestfinished", lambda request: seen.append(request))
    fresh.goto(path, wait_until="networkidle")
    sizes = [one.sizes() for one in seen]
    assert sum(one["responseBodySize"] + one["responseHeadersSize"] for one in sizes) <= MOST_BYTES
    assert len(seen) - 1 <= MOST_REQUESTS, [one.url for one in seen]


def test_pages_work_below_a_path_of_a_proxy(opened: Opened, system: Visit, watch: Watch) -> None:
    with behind_prefix(system.system.api_url, "/make/pictures") as url:
        watch.host = url.removeprefix("http://").partition("/")[0]
        page = opened(system.make_link().replace(system.system.api_url, url), signed_in=False)
        page.wait_for_url(f"{url}/studio")
        make_small(page)
        done(page)
        page.get_by_role("link", name="Gallery").click()
        page.wait_for_url(f"{url}/gallery")
        expect(page.get_by_role("link", name="Gallery")).to_have_attribute("aria-current", "page")
        page.close()  # it would ask on, when the proxy is gone

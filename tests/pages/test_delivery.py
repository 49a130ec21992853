"""How pages come over the wire: small, in few requests, and below a path of a proxy too."""

import pytest
from playwright.sync_api import Page, Request, Route, expect

from tests.api_service.serving import served_here
from tests.pages.conftest import Opened, Visit
from tests.pages.looks import ROOT
from tests.pages.prefix import behind_prefix
from tests.pages.test_dashboard import VIEWS
from tests.pages.test_gallery import made
from tests.pages.test_studio import done, make_small
from tests.pages.watching import Watch

pytestmark = [pytest.mark.system, pytest.mark.landing]

LOADS = ROOT / "build" / "first_loads"  # for people: what each took
MOST_BYTES = 150_000
MOST_REQUESTS = 10
MOST_SHIFT = 0.01  # of the window times of the way; a tenth is what is called good
NOTE_SHIFTS = """window.shifted = 0;
window.moved = [];
new PerformanceObserver((list) => {
    for (const { value, hadRecentInput, sources } of list.getEntries()) {
        if (hadRecentInput) continue;
        window.shifted += value;
        window.moved.push(...sources.map(({ node }) => `${node?.nodeName} ${node?.textContent}`.slice(0, 200)));
    }
}).observe({ type: "layout-shift", buffered: true });"""
PREFIX = "/make/pictures"


@pytest.mark.parametrize("path", ["/sign-in", "/studio", "/gallery", *(f"/dashboard#/{view}" for view in VIEWS)])
def test_the_first_load_of_a_page_is_small_and_moves_nothing(
    opened: Opened, page: Page, system: Visit, path: str
) -> None:
    """Pictures that were made are not counted: there are as many as somebody has made."""
    made(system, "a harbour", "a lighthouse")
    fresh = opened(None, signed_in=False, storage_state=page.context.storage_state() if path != "/sign-in" else None)
    fresh.add_init_script(NOTE_SHIFTS)
    seen: list[Request] = []
    fresh.on("requestfinished", lambda request: seen.append(request))
    fresh.goto(path, wait_until="networkidle")
    fresh.locator(".sign-in, .studio, .gallery, .view .loaded").first.wait_for()
    counted = [one for one in seen if "/thumbnails/" not in one.url]
    sizes = [one.sizes() for one in counted]
    total = sum(one["responseBodySize"] + one["responseHeadersSize"] for one in sizes)
    LOADS.mkdir(parents=True, exist_ok=True)
    (LOADS / f"{path.strip('/').replace('#/', '-')}.txt").write_text(f"{total} bytes, {len(counted) - 1} requests\n")
    assert total <= MOST_BYTES
    assert len(counted) - 1 <= MOST_REQUESTS, [one.url for one in counted]
    assert fresh.evaluate("window.shifted") <= MOST_SHIFT, fresh.evaluate("window.moved")


OF_USERS = ("/api/v1/users?", "/api/v1/usage?", "/api/v1/queue/pauses?")


@pytest.mark.parametrize("late", OF_USERS)
def test_whatever_answer_comes_last_nothing_moves(opened: Opened, page: Page, late: str) -> None:
    fresh = opened(None, signed_in=False, storage_state=page.context.storage_state())
    fresh.add_init_script(NOTE_SHIFTS)
    held: list[Route] = []
    fresh.route(lambda url: late in f"{url}?", lambda route: held.append(route))
    there: set[str] = set()
    fresh.on("requestfinished", lambda request: there.update(one for one in OF_USERS if one in f"{request.url}?"))
    fresh.goto("/dashboard#/users")
    while not held or len(there) < len(OF_USERS) - 1:
        fresh.wait_for_timeout(20)
    fresh.evaluate("new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))")
    for route in held:
        route.continue_()
    fresh.locator(".view .loaded").first.wait_for()
    assert fresh.evaluate("window.shifted") <= MOST_SHIFT, fresh.evaluate("window.moved")


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

"""How many streams a page holds open: a browser has six connections to a host of HTTP/1.1, for all its tabs."""

import re
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Page, Request, WebSocket, expect

from tests.pages.conftest import Opened, Visit
from tests.pages.test_dashboard import VIEWS
from tests.pages.test_studio import done, make, make_small
from tests.pages.watching import Watch

pytestmark = [pytest.mark.system, pytest.mark.landing]

SIX = 6  # connections of a browser to a host


@dataclass
class Streams:
    """What a page has open: WebSockets, which a browser counts by themselves, and answers that do not end."""

    sockets: list[str] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    is_left: bool = False  # another document was asked for

    def over(self, page: Page) -> None:
        page.on("websocket", self.opened)
        page.on("request", self.asked)
        page.on("framenavigated", lambda _: self.arrived())
        for way in ("requestfinished", "requestfailed"):
            page.on(way, self.answered)

    def opened(self, socket: WebSocket) -> None:
        self.sockets.append(socket.url)
        socket.on("close", lambda _: self.closed(socket.url))

    def closed(self, url: str) -> None:
        if url in self.sockets:
            self.sockets.remove(url)

    def asked(self, request: Request) -> None:
        if request.is_navigation_request():
            self.is_left = True
        elif request.resource_type == "eventsource":
            self.answers.append(request.url)

    def arrived(self) -> None:
        """Of what the document before had open, nothing is told; until then it may still open something."""
        if self.is_left:
            self.sockets, self.answers, self.is_left = [], [], False

    def answered(self, request: Request) -> None:
        if request.url in self.answers:
            self.answers.remove(request.url)


@pytest.fixture
def streams(page: Page) -> Streams:
    streams = Streams()
    streams.over(page)
    return streams


def assert_one(page: Page, streams: Streams, last: str) -> None:
    """The page comes to hold one stream alone, which ends like this."""
    expect(page.get_by_text("Connection lost")).to_have_count(0)
    for _ in range(100):
        if len(streams.sockets) == 1 and re.search(last, streams.sockets[0]):
            break
        page.wait_for_timeout(100)
    assert len(streams.sockets) == 1, streams
    assert re.search(last, streams.sockets[0]), streams
    assert streams.answers == []


def test_the_studio_has_one_stream_however_many_jobs_run(page: Page, system: Visit, streams: Streams) -> None:
    page.reload()
    assert_one(page, streams, "ws/jobs.previews=true$")
    system.comfyui.pace(step_seconds=0.5)
    for _ in range(2):
        make(page)
    expect(page.locator(".shot img").first).to_be_visible()  # a preview
    assert_one(page, streams, "ws/jobs.previews=true$")
    system.comfyui.pace(step_seconds=0.0)


def test_the_gallery_and_each_view_of_the_dashboard_have_one_stream(page: Page, streams: Streams) -> None:
    make_small(page)
    done(page)
    page.goto("/gallery")
    assert_one(page, streams, "ws/jobs$")
    for view in VIEWS:
        page.goto(f"/dashboard#/{view}")
        expect(page.locator(".view .loaded, .view .empty").first).to_be_visible()
        if view == "tasks":  # follows tasks by one more while it is seen
            assert len(streams.answers) <= 1
        else:
            assert_one(page, streams, "ws/jobs.user_id=all$")


def test_the_page_of_a_job_has_one_stream_with_all_of_it(page: Page, system: Visit, streams: Streams) -> None:
    system.comfyui.pace(step_seconds=0.5)
    made = system.submit(steps=40, params={"previews": True})
    page.goto(f"/dashboard#/jobs/{made['id']}")
    expect(page.locator(".timeline")).to_contain_text(re.compile("Joined the queue.*Started", re.DOTALL))
    expect(page.get_by_role("img", name="What it looks like now")).to_be_visible()
    assert_one(page, streams, rf"ws/jobs/{made['id']}\?")
    system.comfyui.pace(step_seconds=0.0)
    # Once it has ended, the page hears of all jobs again.
    expect(page.locator(".timeline")).to_contain_text("Done")
    expect(page.locator(".badge").first).to_have_text("Done")
    assert_one(page, streams, "ws/jobs.user_id=all$")
    page.get_by_role("link", name="All jobs").click()
    assert_one(page, streams, "ws/jobs.user_id=all$")


def test_a_job_that_is_not_there_leaves_the_connection_as_it_is(page: Page, streams: Streams, watch: Watch) -> None:
    watch.allow("status of 404")
    page.goto("/dashboard#/jobs/999999999")
    expect(page.locator(".view [role=alert]")).to_be_visible()
    assert_one(page, streams, "ws/jobs.user_id=all$")


def test_more_tabs_than_a_browser_has_connections_all_show_their_job(opened: Opened, system: Visit) -> None:
    system.comfyui.pace(step_seconds=0.5)
    made = system.submit(steps=40)
    first = opened(f"/dashboard#/jobs/{made['id']}")
    tabs = [first, *(first.context.new_page() for _ in range(SIX))]
    for tab in tabs[1:]:
        tab.goto(f"/dashboard#/jobs/{made['id']}")
    for tab in tabs:
        expect(tab.locator(".timeline")).to_contain_text("Started")
    system.comfyui.pace(step_seconds=0.0)
    for tab in tabs:
        expect(tab.locator(".timeline")).to_contain_text("Done")

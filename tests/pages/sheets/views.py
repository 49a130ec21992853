"""What is looked at: each page, in each state that it has."""

import json
from collections.abc import Callable
from dataclasses import dataclass

from playwright.sync_api import Page

from tests.pages.test_workflows import PLAIN
from tests.worker_service.media.pictures import encoded, picture

Prepare = Callable[[Page], None]


def nothing(page: Page) -> None:
    page.wait_for_load_state("networkidle")


@dataclass(frozen=True)
class View:
    """A page, as one user has it, after something was done with it. A whole one is shown beyond the window."""

    name: str
    path: str
    who: str = "admin"
    prepare: Prepare = nothing
    is_whole: bool = False


def loaded(page: Page) -> None:
    page.locator(".view .loaded").first.wait_for()
    nothing(page)


def shown(page: Page) -> None:
    page.locator(".job, .tile img").first.wait_for()
    nothing(page)


def click(*names: str) -> Prepare:
    def prepare(page: Page) -> None:
        nothing(page)
        for name in names:
            page.get_by_role("button", name=name).first.click()

    return prepare


def more_settings(page: Page) -> None:
    page.get_by_text("More settings").click()
    page.get_by_role("button", name="Add a style").click()
    page.get_by_role("button", name="Add a style").click()


def refused(page: Page) -> None:
    page.get_by_label("Prompt").fill("A lighthouse")
    page.get_by_label("Width", exact=True).fill("65")
    page.get_by_label("Prompt").press("Control+Enter")
    page.locator("[aria-invalid]").first.wait_for()


def workflow(page: Page) -> None:
    page.get_by_text("More settings").click()
    box = page.get_by_label("Use a workflow of ComfyUI instead")
    box.fill(json.dumps(PLAIN))
    box.blur()
    page.get_by_label("steps").wait_for()


def with_picture(page: Page) -> None:
    content = encoded(picture((600, 400)), "PNG")
    page.locator("#picture").set_input_files({"name": "a.png", "mimeType": "image/png", "buffer": content})
    page.get_by_role("button", name="Repaint a part only").wait_for()
    nothing(page)


def mask(page: Page) -> None:
    with_picture(page)
    page.get_by_role("button", name="Repaint a part only").click()
    canvas = page.get_by_role("img", name="The mask over the picture")
    canvas.click(position={"x": 100, "y": 80})
    page.get_by_text("A rectangle by numbers").click()


def opened(kind: str) -> Prepare:
    def prepare(page: Page) -> None:
        shown(page)
        page.get_by_role("button", name=kind).first.click()
        page.locator(".lightbox-bar").wait_for()

    return prepare


def film(page: Page) -> None:
    shown(page)
    page.locator(".tile:has(.marks) .open").nth(3).click()
    page.locator(".lightbox-bar").wait_for()


def selected(page: Page) -> None:
    shown(page)
    tiles = page.locator(".tile .open")
    tiles.first.focus()
    page.keyboard.press("Space")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")


def compared(page: Page) -> None:
    selected(page)
    page.get_by_role("button", name="Compare").click()
    page.locator(".compare").wait_for()


def scrolled(page: Page) -> None:
    shown(page)
    page.mouse.wheel(0, 900)


def jobs_selected(page: Page) -> None:
    loaded(page)
    for number in (0, 1, 2):
        page.get_by_role("checkbox").nth(number + 1).check()


def charts(page: Page) -> None:
    loaded(page)
    page.locator(".charts canvas").nth(5).wait_for()


VIEWS = (
    View("sign-in", "/sign-in", who=""),
    View("sign-in-ended", "/sign-in?ended=1", who=""),
    View("studio-new", "/studio", who="new"),
    View("gallery-new", "/gallery", who="new"),
    View("dashboard-new", "/dashboard", who="new", prepare=loaded),
    View("dashboard-new-jobs", "/dashboard#/jobs", who="new", prepare=loaded),
    View("studio-looks-on", "/studio", who="looks on"),
    View("other-overview", "/dashboard", who="other", prepare=loaded, is_whole=True),
    View("other-forbidden", "/dashboard#/servers", who="other"),
    View("studio", "/studio", prepare=shown),
    View("studio-whole", "/studio", prepare=shown, is_whole=True),
    View("studio-more", "/studio", prepare=more_settings),
    View("studio-refused", "/studio", prepare=refused),
    View("studio-workflow", "/studio", prepare=workflow),
    View("studio-picture", "/studio", prepare=with_picture),
    View("studio-mask", "/studio", prepare=mask),
    View("gallery", "/gallery", prepare=shown),
    View("gallery-scrolled", "/gallery", prepare=scrolled),
    View("gallery-none", "/gallery#text=nothing+is+like+this", prepare=nothing),
    View("gallery-open", "/gallery", prepare=opened("lighthouse")),
    View("gallery-film", "/gallery", prepare=film),
    View("gallery-selected", "/gallery", prepare=selected),
    View("gallery-compared", "/gallery", prepare=compared),
    View("overview", "/dashboard", prepare=charts, is_whole=True),
    View("jobs", "/dashboard#/jobs", prepare=loaded),
    View("jobs-selected", "/dashboard#/jobs", prepare=jobs_selected),
    View("jobs-none", "/dashboard#/jobs?text=nothing", prepare=loaded),
    View("job-done", "/dashboard#/jobs/{week.done}", prepare=loaded, is_whole=True),
    View("job-failed", "/dashboard#/jobs/{week.failed}", prepare=loaded, is_whole=True),
    View("job-running", "/dashboard#/jobs/{week.running}", prepare=loaded, is_whole=True),
    View("servers", "/dashboard#/servers", prepare=loaded),
    View("servers-form", "/dashboard#/servers", prepare=click("Add a server")),
    View("servers-question", "/dashboard#/servers", prepare=click("Drain")),
    View("users", "/dashboard#/users", prepare=loaded),
    View("users-keys", "/dashboard#/users/{week.user}", prepare=loaded, is_whole=True),
    View("failures", "/dashboard#/failures", prepare=loaded),
    View("webhooks", "/dashboard#/webhooks", prepare=loaded),
    View("webhooks-deliveries", "/dashboard#/webhooks/{week.webhook}", prepare=loaded, is_whole=True),
    View("webhooks-form", "/dashboard#/webhooks", prepare=click("New webhook")),
    View("tasks", "/dashboard#/tasks", prepare=loaded),
    View("schedules", "/dashboard#/schedules", prepare=loaded),
    View("schedules-form", "/dashboard#/schedules", prepare=click("New schedule")),
)

"""What the thread of a page was busy with, as Chromium itself traced it.

Two times of each task: how long it took, and how much of the processor it had. On a machine that others use too, only
the second says something of the page.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Page

CATEGORIES = "devtools.timeline,disabled-by-default-devtools.timeline,toplevel"
TASKS = ("RunTask", "ThreadControllerImpl::RunTask")
THREAD = "CrRendererMain"
LOOK_MS = 50


@dataclass(frozen=True)
class Longest:
    """The longest task of the page's thread while something was done: of the clock, and of the processor."""

    wall_ms: float
    cpu_ms: float


def longest_task(page: Page, deed: Callable[[], Any]) -> Longest:
    """Do something with a page, and say which task of it was the longest."""
    session = page.context.new_cdp_session(page)
    events: list[dict[str, Any]] = []
    ended: list[bool] = []
    session.on("Tracing.dataCollected", lambda data: events.extend(data["value"]))
    session.on("Tracing.tracingComplete", lambda _: ended.append(True))
    session.send("Tracing.start", {"transferMode": "ReportEvents", "categories": CATEGORIES})
    deed()
    session.send("Tracing.end")
    while not ended:
        page.wait_for_timeout(LOOK_MS)
    session.detach()
    tasks = tasks_in(events)
    return Longest(max(task["dur"] for task in tasks) / 1000, max(task.get("tdur", 0) for task in tasks) / 1000)


def tasks_in(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The tasks of the threads that run pages: in this browser there is no other page."""
    threads = {
        (event["pid"], event["tid"])
        for event in events
        if event["name"] == "thread_name" and event["args"]["name"] == THREAD
    }
    return [
        event
        for event in events
        if event["ph"] == "X" and event["name"] in TASKS and (event["pid"], event["tid"]) in threads
    ]

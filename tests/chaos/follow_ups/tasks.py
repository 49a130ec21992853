"""The tasks of a run: asked for by the clock, each under a key until it is answered, as a client should."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import httpx

from tests.chaos.clients import Clients
from tests.chaos.jobs import AGAIN
from tests.chaos.plan import Plan

TASKS = "/api/v1/tasks"


class Wanted(NamedTuple):
    """A task to ask for, when so much of the window has passed."""

    share: float
    body: Mapping[str, Any]


WANTED = (
    Wanted(0.25, {"kind": "tag_jobs", "all": True, "metadata": {"tagged": 1}}),
    Wanted(0.35, {"kind": "retry_jobs", "filter": {"metadata": [AGAIN], "status": ["completed", "failed"]}}),
    Wanted(0.45, {"kind": "export", "all": True}),
    Wanted(0.55, {"kind": "thumbnails", "all": True}),
    Wanted(0.65, {"kind": "report", "first_day": "2026-01-01", "last_day": "2026-01-02"}),
    Wanted(0.75, {"kind": "retry_jobs", "filter": {"metadata": [AGAIN], "status": ["completed", "failed"]}}),
    Wanted(0.85, {"kind": "export", "filter": {"status": ["completed"]}}),
)


@dataclass
class AskedTask:
    """A task as its client knows it: its key, and the ids that answers named."""

    key: str
    kind: str
    accepted: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


def ask_all(clients: Clients, plan: Plan, closing: threading.Event) -> list[AskedTask]:
    """Ask for them all. Returns once each is accepted, or was tried for too long."""
    asked, passed = [], 0.0
    for number, wanted in enumerate(WANTED):
        closing.wait(max(0.0, (wanted.share - passed) * plan.window_s))
        passed = wanted.share
        asked.append(AskedTask(f"task-{number}", wanted.body["kind"]))
        ask(clients, asked[-1], wanted.body)
    return asked


def ask(clients: Clients, task: AskedTask, body: Mapping[str, Any]) -> None:
    def send() -> bool | None:
        try:
            answer = clients.http.post(f"{clients.api()}{TASKS}", json=body, headers={"Idempotency-Key": task.key})
        except httpx.TransportError:
            return None
        if answer.is_success:
            task.accepted.append(answer.json()["id"])
        elif answer.is_server_error:
            return None
        else:
            task.refused.append(f"{answer.status_code} {answer.text[:200]}")
        return True

    clients.until(send)

"""What the sequences of several clients have in common: waiting, and reading what came of it."""

import time
from collections.abc import Callable
from typing import Any

from starlette.testclient import TestClient, WebSocketTestSession

from tests.api_service.native.prompts import until
from tests.simulator.graphs import Graph, node, noise

PATIENCE_S = 40.0


def polled(read: Callable[[], Any]) -> Any:
    """What is read, once there is something."""
    deadline = time.monotonic() + PATIENCE_S
    while not (found := read()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found


def previewing() -> Graph:
    return noise() | {"9": node("PreviewImage", images=["2", 0])}


def done(socket: WebSocketTestSession, prompt_id: str) -> list[Any]:
    return until(socket, "executing", node=None, prompt_id=prompt_id)


def pictures(client: TestClient, entry: Any, base: str = "") -> list[bytes]:
    """Every picture of an entry of the history."""
    found = []
    for shown in entry["outputs"].values():
        for image in shown.get("images", []):
            answer = client.get(f"{base}/view", params=image)
            assert answer.headers["content-type"].startswith("image/")
            found.append(answer.content)
    return found

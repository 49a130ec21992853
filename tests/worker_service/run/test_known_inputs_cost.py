"""An input that the server has already costs a job nothing at the worker: no question to the server, none to a row."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Engine, event
from starlette.testclient import TestClient

from tests.api_service.assets.assets import uploaded
from tests.simulator.graphs import node
from tests.worker_service.deployment import Deployment
from tests.worker_service.run.inputs import client, environ, inverting, noise, png, reference
from tests.worker_service.run.test_submitted_jobs import post
from tests.worker_service.running_worker import RunningWorker

__all__ = ["client", "environ"]


@contextmanager
def statements(engine: Engine) -> Iterator[list[str]]:
    found: list[str] = []

    def heard(*args: Any) -> None:
        found.append(args[2])

    event.listen(engine, "before_cursor_execute", heard)
    try:
        yield found
    finally:
        event.remove(engine, "before_cursor_execute", heard)


def about_assets(found: list[str]) -> list[str]:
    return [one for one in found if "FROM assets" in one]


@pytest.mark.system
def test_a_known_input_is_neither_looked_up_nor_asked_for(
    client: TestClient, deployment: Deployment, another: Any, worker: RunningWorker
) -> None:
    another.stop()
    asset, engine = uploaded(client, png(noise())), worker.resources.engine
    with statements(engine) as first:
        post(client, workflow=inverting(reference(asset)))
    assert len(about_assets(first)) == 2, "what it is called, and where its bytes are"
    asked = files_asked_for(deployment)
    with statements(engine) as second:
        for _ in range(3):
            job = post(client, workflow=inverting(reference(asset)))
            assert job["status"] == "completed"
    assert about_assets(second) == []
    assert files_asked_for(deployment) == asked


def files_asked_for(deployment: Deployment) -> dict[str, int]:
    """The requests to the server that files of inputs make: HEADs, and uploads."""
    return {name: count for name, count in deployment.requests().items() if name.startswith(("HEAD", "POST /upload"))}


@pytest.mark.system
def test_at_submission_it_costs_two_statements_of_which_one_is_in_the_transaction(
    client: TestClient, deployment: Deployment
) -> None:
    asset = uploaded(client, png(noise()))
    plain = inverting("example.png")
    plain["1"] = node("EmptyImage", width=64, height=64, batch_size=1, color=0)
    with_input = inverting(reference(asset))
    counts = []
    for workflow in (plain, with_input, plain, with_input):
        engine = client.app_state["services"].engine
        with statements(engine) as found:
            post(client, prefer="", workflow=workflow)
        counts.append(len(found))
    assert counts[3] - counts[2] == 2

"""The official openai package, unmodified, at a served API with a worker behind it: an address and a key are all."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from openai import OpenAI

from tests.api_service.conftest import new_key
from tests.api_service.serving import Served, served, served_here
from tests.worker_service.deployment import Deployment
from tests.worker_service.running_worker import RunningWorker
from tests.worker_service.waiting import until


@pytest.fixture
def api(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    key = new_key(deployment.messenger.engine)
    with served_here(deployment.environ, key) as api:
        known_to_clients(api, monkeypatch)
        yield api


@pytest.fixture
def api_process(deployment: Deployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """One that can be killed."""
    key = new_key(deployment.messenger.engine)
    with served(deployment.environ, key, tmp_path, "tests.api_service.quick_api") as api:
        known_to_clients(api, monkeypatch)
        yield api


def known_to_clients(api: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", f"http://{api.address}/v1")
    monkeypatch.setenv("OPENAI_API_KEY", api.key)


@pytest.fixture
def openai(api: Served) -> Iterator[OpenAI]:
    with OpenAI() as client:
        yield client


@pytest.fixture
def known_models(openai: OpenAI, worker: RunningWorker) -> list[str]:
    """The checkpoints, once a server has said which ones it has: before that any may be there."""
    until(lambda: [model.id for model in openai.models.list()])
    return [model.id for model in openai.models.list()]

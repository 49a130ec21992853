"""A served API with a worker behind it, as programs that speak ComfyUI's own API meet it."""

from collections.abc import Iterator

import httpx
import pytest
from sqlmodel import select
from starlette.testclient import TestClient

from api_service.main import create_app
from shared.models import Scope, ServerCapabilities
from tests.api_service.conftest import bearer, new_key
from tests.api_service.quick_api import QUICK
from tests.api_service.serving import Served, served_here
from tests.worker_service.deployment import Deployment
from tests.worker_service.running_worker import RunningWorker


@pytest.fixture
def environ(environ: dict[str, str]) -> dict[str, str]:
    """What is on this machine is trusted, as an operator may say of a network."""
    return {**environ, "NATIVE_TRUSTED": "127.0.0.0/8=somebody"}


@pytest.fixture
def api(deployment: Deployment, worker: RunningWorker) -> Iterator[Served]:
    key = new_key(deployment.messenger.engine)
    with served_here(deployment.environ, key) as api:
        yield api


@pytest.fixture
def http(api: Served) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"http://{api.address}", headers=bearer(api.key), timeout=30) as http:
        yield http


@pytest.fixture
def address_key(deployment: Deployment) -> str:
    return new_key(deployment.messenger.engine, Scope.NATIVE)


@pytest.fixture
def client(deployment: Deployment, worker: RunningWorker) -> Iterator[TestClient]:
    key = new_key(deployment.messenger.engine)
    with TestClient(create_app(deployment.settings, QUICK), headers=bearer(key)) as client:
        worker.until(lambda: known(deployment))
        yield client


@pytest.fixture
def keyless(deployment: Deployment, worker: RunningWorker) -> Iterator[tuple[TestClient, str]]:
    """A client that sends no header, and the address that it is given: with a key in it."""
    key = new_key(deployment.messenger.engine, Scope.NATIVE)
    with TestClient(create_app(deployment.settings, QUICK)) as client:
        worker.until(lambda: known(deployment))
        yield client, f"/c/{key}"


def known(deployment: Deployment) -> bool:
    """Whether its server has said what it can do."""
    with deployment.messenger.transaction() as session:
        return session.exec(select(ServerCapabilities.server)).first() is not None

"""A pair of servers, and an API that reads from the second of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from starlette.testclient import TestClient

from api_service.main import create_app
from deploy.local.postgres import connected
from migrations.upgrade import upgrade
from shared.configuration.settings import Settings
from tests.api_service.conftest import bearer
from tests.api_service.quick_api import QUICK
from tests.deploy_local.watching import until
from tests.lent_database import ADD_USERS, new_name
from tests.replicas import Pair, running_pair


@pytest.fixture(scope="package")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with running_pair(tmp_path_factory.mktemp("pair")) as pair:
        pair.primary.create_database("template")
        upgrade(pair.primary.url("template"))
        with connected(pair.primary.url("template")) as connection, connection.cursor() as cursor:
            cursor.execute(ADD_USERS)
        yield pair


@pytest.fixture
def name(pair: Pair) -> Iterator[str]:
    """A database of one test."""
    name = new_name()
    pair.primary.create_database(name, "template")
    pair.until_replayed()
    yield name
    pair.primary.drop_database(name)


@pytest.fixture
def database_url(pair: Pair, name: str) -> str:
    return pair.primary.url(name)


@pytest.fixture
def environ(environ: dict[str, str], pair: Pair, name: str) -> dict[str, str]:
    return {**environ, "DATABASE_READ_URL": pair.replica.url(name)}


@dataclass(frozen=True)
class Api:
    """An API, and what it counts."""

    client: TestClient
    registry: CollectorRegistry

    @property
    def is_fit(self) -> bool:
        return self.registry.get_sample_value("genonaut_replica_fit") == 1

    def reads(self, where: str) -> float:
        return self.registry.get_sample_value("genonaut_reads_total", {"where": where}) or 0

    def get(self, path: str) -> Any:
        answer = self.client.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture
def api(settings: Settings, key: str) -> Iterator[Api]:
    with api_with(settings, key) as api:
        yield api


@pytest.fixture
def another_api(settings: Settings, key: str) -> Iterator[Api]:
    with api_with(settings, key) as api:
        yield api


@contextmanager
def api_with(settings: Settings, key: str, *, is_fit: bool = True) -> Iterator[Api]:
    """Once it reads from the replica, if that is fit."""
    registry = CollectorRegistry()
    with TestClient(create_app(settings, QUICK, registry), headers=bearer(key)) as client:
        api = Api(client, registry)
        until(lambda: api.is_fit is is_fit)
        yield api

"""A PostgreSQL for the session, and a database of its own for each test."""

import os
from collections.abc import Iterator

import pytest

from deploy.local.load_test_data import copy
from deploy.local.postgres import Postgres
from migrations.upgrade import upgrade
from shared.configuration.types import database_url
from tests.migrations.databases import LEGACY, Databases


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a server on which databases can be made: that of DATABASE_URL, or one for this session."""
    if given := os.environ.get("DATABASE_URL"):
        yield database_url(given)
        return
    folder = tmp_path_factory.mktemp("postgres")
    with Postgres.start(folder / "server", folder / "log", durable=False) as postgres:
        yield postgres.url()


@pytest.fixture(scope="session")
def databases(server: str) -> Iterator[Databases]:
    databases = Databases(server)
    yield databases
    databases.drop_all()


@pytest.fixture(scope="session")
def legacy_template(databases: Databases) -> str:
    url = databases.make()
    upgrade(url, LEGACY)
    copy(url)
    return url


@pytest.fixture
def empty(databases: Databases) -> Iterator[str]:
    """A database without any table."""
    url = databases.make()
    yield url
    databases.drop(url)


@pytest.fixture
def legacy(databases: Databases, legacy_template: str) -> Iterator[str]:
    """A database with the two old tables and the rows of tests/data/legacy."""
    url = databases.make(legacy_template)
    yield url
    databases.drop(url)

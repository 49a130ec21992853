"""A database of its own for each test."""

from collections.abc import Iterator

import pytest

from deploy.local.load_test_data import copy
from deploy.local.servers import Servers
from migrations.upgrade import upgrade
from shared.configuration.urls.database_urls import database_url
from tests.migrations.databases import LEGACY, Databases


@pytest.fixture(scope="session")
def databases(servers: Servers) -> Iterator[Databases]:
    databases = Databases(database_url(servers.database_url))
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

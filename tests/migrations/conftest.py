"""A database of its own for each test. What many of them would do first was done once, to what theirs is a copy of."""

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


@pytest.fixture(scope="session")
def merged_template(databases: Databases, legacy_template: str) -> str:
    url = databases.make(legacy_template)
    upgrade(url)
    return url


@pytest.fixture(scope="session")
def newest_template(databases: Databases) -> str:
    url = databases.make()
    upgrade(url)
    return url


@pytest.fixture
def empty(databases: Databases) -> Iterator[str]:
    """A database without any table."""
    with databases.lent() as url:
        yield url


@pytest.fixture
def legacy(databases: Databases, legacy_template: str) -> Iterator[str]:
    """A database with the two old tables and the rows of tests/data/legacy."""
    with databases.lent(legacy_template) as url:
        yield url


@pytest.fixture
def merged(databases: Databases, merged_template: str) -> Iterator[str]:
    """What `legacy` is after all migrations: a copy, as they would take five times as long."""
    with databases.lent(merged_template) as url:
        yield url


@pytest.fixture
def newest(databases: Databases, newest_template: str) -> Iterator[str]:
    """A database at the newest revision without any row: a copy, as of `merged`."""
    with databases.lent(newest_template) as url:
        yield url

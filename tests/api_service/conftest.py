"""The API in this process, on real servers."""

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from api_service.main import create_app
from shared.settings import Settings


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    with TestClient(create_app(settings)) as client:
        yield client

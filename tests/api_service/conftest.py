"""The API in this process, on real servers, asked with the keys of two users and an admin."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine
from starlette.testclient import TestClient

from api_service.main import create_app
from shared.accounts.keys import KeyTerms, create_key
from shared.configuration.settings import Settings
from shared.database.engine import transaction
from shared.models import Scope
from tests.api_service.comfy_v2.holding import holding
from tests.api_service.quick_api import QUICK
from tests.jobs import ANOTHER_USER, USER


@pytest.fixture
def key(engine: Engine) -> str:
    """A key of USER, that may read and write."""
    return new_key(engine)


def new_key(engine: Engine, *scopes: Scope, another: bool = False, **limits: int | None) -> str:
    with transaction(engine) as session:
        owner = ANOTHER_USER if another else USER
        return create_key(session, owner, KeyTerms("tests", scopes or (Scope.READ, Scope.WRITE), limits=limits)).token


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


@pytest.fixture
def client(settings: Settings, key: str) -> Iterator[TestClient]:
    """A client that sends the key of USER."""
    with TestClient(holding(create_app(settings, QUICK)), headers=bearer(key)) as client:
        yield client


def without_notes(body: Any) -> Any:
    """An answer without what tells of the moment and not of the job: its notes, and how long its URLs work."""
    match body:
        case dict():
            left_out = {"notes", "url_expires_at"}
            return {name: without_notes(value) for name, value in body.items() if name not in left_out}
        case list():
            return [without_notes(value) for value in body]
        case str() if "signature=" in body:
            return body.partition("?")[0]
        case _:
            return body

"""Who may have all files moved to another store, and when."""

from pathlib import Path

import pytest
from sqlalchemy import Engine
from starlette.testclient import TestClient

from api_service.main import create_app
from shared.configuration.settings import load_settings
from shared.models import Scope
from tests.api_service.conftest import bearer, new_key
from tests.api_service.quick_api import QUICK

TASKS, MOVE = "/api/v1/tasks", {"kind": "move_files"}


@pytest.fixture
def admin(engine: Engine) -> dict[str, str]:
    return bearer(new_key(engine, Scope.ADMIN))


def test_only_admins_have_files_moved(client: TestClient) -> None:
    assert client.post(TASKS, json=MOVE).status_code == 403


def test_files_move_only_where_it_is_set_from_where(client: TestClient, admin: dict[str, str]) -> None:
    answer = client.post(TASKS, json=MOVE, headers=admin)
    (error,) = answer.json()["errors"]
    assert (answer.status_code, error["field"], error["code"]) == (422, "kind", "no_former_store")
    assert "STORAGE_MOVING_FROM" in error["message"]


def test_a_task_that_moves_files_is_asked_for(environ: dict[str, str], admin: dict[str, str], tmp_path: Path) -> None:
    given = environ | {"STORAGE_MOVING_FROM": (tmp_path / "former").as_uri()}
    with TestClient(create_app(load_settings(given), QUICK), headers=admin) as client:
        made = client.post(TASKS, json=MOVE | {"remove_former": True})
        assert (made.status_code, made.json()["parameters"]) == (201, {"remove_former": True})
        assert client.post(TASKS, json=MOVE | {"remove_former": 1}).json()["errors"][0]["field"] == "remove_former"

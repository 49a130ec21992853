"""Every list has one shape: `items`, and where it has pages, `limit` and `cursor` lead through them."""

from typing import Any

import pytest
from sqlalchemy import Engine
from starlette.testclient import TestClient

from api_service.http.pages import Page, PageQuery
from api_service.routes import OPERATIONS
from shared.models import Scope
from tests.api_service.conftest import bearer, new_key

LISTS = [operation for operation in OPERATIONS if operation.name.startswith("list")]
PAGED = [operation for operation in LISTS if issubclass(operation.query, PageQuery)]


def test_the_lists_are_known_and_which_of_them_have_pages() -> None:
    paged = {"listJobs", "listAssets", "listUsers", "listKeys", "listTasks"}
    paged |= {"listWebhookDeliveries", "listNotifications", "listFailures", "listQuarantine"}
    assert {one.name for one in PAGED} == paged
    assert {one.name for one in LISTS} == {*paged, "listModels", "listSchedules", "listServers", "listWebhooks"}


@pytest.mark.parametrize("operation", LISTS, ids=lambda operation: operation.name)
def test_a_list_has_items(operation: Any) -> None:
    (answer,) = operation.answers.values()
    assert "items" in answer.model.model_fields
    assert issubclass(answer.model, Page) == (operation in PAGED)
    lists = [name for name, field in answer.model.model_fields.items() if str(field.annotation).startswith("list[")]
    assert lists == ["items"]


@pytest.mark.parametrize("limit", [0, 201])
@pytest.mark.parametrize("operation", PAGED, ids=lambda operation: operation.name)
def test_each_page_has_the_same_limits(client: TestClient, engine: Engine, operation: Any, limit: int) -> None:
    user_id = client.get("/api/v1/me").json()["user"]["id"]
    admin = bearer(new_key(engine, Scope.ADMIN))
    path = operation.path.format(user_id=user_id, webhook_id=user_id)
    answer = client.get(path, params={"limit": limit}, headers=admin)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == ["limit"]

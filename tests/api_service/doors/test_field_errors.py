"""What is wrong with a field is said under the name that clients know, also where it takes several types."""

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel
from starlette.testclient import TestClient

from api_service.doors.v1.streams.queries import JobWatchQuery, WatchQuery
from api_service.routes import OPERATIONS

MODELS = {model for operation in OPERATIONS for model in (operation.body, operation.query)} | {
    JobWatchQuery,
    WatchQuery,
}


def bare_unions(schema: Any, parent: str = "") -> Iterator[Any]:
    """The unions whose errors name a type. A function around a union says one sentence, and so does one
    with an error of its own; a tag is left out."""
    if isinstance(schema, dict):
        kind = schema.get("type", parent)
        if kind == "union" and parent != "function-wrap" and "custom_error_type" not in schema:
            yield schema
        for value in schema.values():
            yield from bare_unions(value, kind)
    elif isinstance(schema, list | tuple):
        for value in schema:
            yield from bare_unions(value, parent)


@pytest.mark.parametrize("model", sorted(MODELS, key=str), ids=lambda model: model.__name__)
def test_no_error_of_a_field_names_a_type_in_its_path(model: type[BaseModel]) -> None:
    assert not list(bare_unions(model.__pydantic_core_schema__))


@pytest.mark.parametrize("address", ["/api/v1/generation-jobs/", "/api/v1/generation-jobs/stats"])
def test_a_wrong_user_id_is_one_error_of_user_id(client: TestClient, address: str) -> None:
    (error,) = client.get(f"{address}?user_id=everybody").json()["errors"]
    assert error == {"field": "user_id", "message": 'must be the id of a user, or "all"', "code": "user"}


@pytest.mark.parametrize(
    ("address", "body", "message"),
    [
        ("/api/v1/webhooks", {"url": "https://example.com", "event_types": []}, "must have at least 1 item"),
        ("/api/v1/generation-jobs/bulk", {"jobs": []}, "must have at least 1 item"),
        ("/api/v1/generation-jobs/bulk", {"jobs": [{}] * 101}, "must have at most 100 items"),
    ],
)
def test_a_list_of_another_length_is_refused_without_a_type_of_python(
    client: TestClient, address: str, body: Any, message: str
) -> None:
    assert message in {error["message"] for error in client.post(address, json=body).json()["errors"]}


def test_the_check_finds_a_union_that_names_its_types() -> None:
    class Bare(BaseModel):
        either: int | str | None

    assert list(bare_unions(Bare.__pydantic_core_schema__))

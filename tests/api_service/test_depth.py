"""How deep a body may be nested, and that its depth is told right."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from api_service.http.depth import deeper_than

TEXTS = st.text(alphabet='[]{}"\\a\u00e4\n', max_size=6)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
)


def depth(value: Any) -> int:
    match value:
        case list():
            return 1 + max(map(depth, value), default=0)
        case dict():
            return 1 + max(map(depth, value.values()), default=0)
    return 0


@given(VALUES, st.integers(0, 6), st.booleans())
def test_the_depth_is_that_of_the_parsed_value(value: Any, most: int, ascii_only: bool) -> None:
    content = json.dumps(value, ensure_ascii=ascii_only).encode()
    assert deeper_than(content, most) == (depth(value) > most)


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}"), ('[{"a":', "}]")])
def test_a_body_that_is_too_deep_is_refused_as_such(client: TestClient, opening: str, closing: str) -> None:
    def post(levels: int) -> Any:
        times = levels // len(closing)
        content = f'{{"prompt": {opening * times}1{closing * times}}}'
        return client.post(
            "/api/v1/generation-jobs/", content=content, headers={"Content-Type": "application/json"}
        ).json()

    assert post(62)["code"] == "invalid_fields"
    assert post(66)["code"] == "body_too_deep"
    assert post(200_000)["code"] in {"body_too_deep", "body_too_large"}


def test_brackets_that_nobody_closes_are_too_deep_as_well(client: TestClient) -> None:
    headers = {"Content-Type": "application/json"}
    response = client.post("/api/v1/generation-jobs/", content=b"[" * 100_000, headers=headers)
    assert (response.status_code, response.json()["code"]) == (400, "body_too_deep")

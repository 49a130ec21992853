"""How deep a body may be nested."""

from typing import Any

import pytest
from starlette.testclient import TestClient


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}"), ('[{"a":', "}]")])
def test_a_body_that_is_too_deep_is_refused_as_such(client: TestClient, opening: str, closing: str) -> None:
    def post(levels: int) -> Any:
        times = levels // len(closing)
        content = f'{{"prompt": {opening * times}1{closing * times}}}'
        return client.post(
            "/api/v1/generation-jobs/", content=content, headers={"Content-Type": "application/json"}
        ).json()

    assert post(196)["code"] == "invalid_fields"
    assert post(202)["code"] == "body_too_deep"
    assert post(200_000)["code"] in {"body_too_deep", "body_too_large"}


def test_brackets_that_nobody_closes_are_too_deep_as_well(client: TestClient) -> None:
    headers = {"Content-Type": "application/json"}
    response = client.post("/api/v1/generation-jobs/", content=b"[" * 100_000, headers=headers)
    assert (response.status_code, response.json()["code"]) == (400, "body_too_deep")

"""An edit that is refused keeps none of its files."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from shared.configuration.settings import Settings
from shared.messaging.messenger import Messenger
from tests.api_service.assets.assets import PNG, nothing_is_left

ASKED = {"prompt": "a cat", "model": "random_sd15.safetensors", "size": "64x64"}
PICTURE = ("cat.png", PNG)


@pytest.mark.parametrize(
    ("files", "headers", "param", "code"),
    [
        ({"image": PICTURE, "mask": ("mask.txt", b"a text")}, {}, "mask", "value_error"),
        ({"image": PICTURE, "mask": ("mask.png", b"")}, {}, "mask", "value_error"),
        ({"image": PICTURE, "other": PICTURE}, {}, "other", "file"),
        ({"image": PICTURE}, {"Idempotency-Key": "two words"}, None, "invalid_header"),
    ],
)
def test_an_edit_that_is_refused_keeps_no_file(
    client: TestClient,
    settings: Settings,
    messenger: Messenger,
    files: dict[str, Any],
    headers: dict[str, str],
    param: str | None,
    code: str,
) -> None:
    answer = client.post("/v1/images/edits", data=ASKED, files=files, headers=headers)
    error = answer.json()["error"]
    assert (answer.status_code, error["param"], error["code"]) == (400, param, code)
    assert nothing_is_left(settings, messenger)

"""The `url` of a file works without a key, at this door as at the other; and not for another file, nor for good."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine
from starlette.testclient import TestClient

from api_service.main import create_app
from shared.accounts.keys import revoke_key
from shared.configuration.settings import Settings
from shared.database.engine import transaction
from tests.api_service.assets.assets import PNG
from tests.api_service.comfy_v2.contract import ASSETS, refused
from tests.api_service.comfy_v2.holding import holding
from tests.api_service.comfy_v2.test_assets import sent
from tests.api_service.conftest import new_key
from tests.api_service.quick_api import QUICK


@pytest.fixture
def browser(settings: Settings) -> Iterator[TestClient]:
    """Asks without a key, and another API process than `client`."""
    with TestClient(holding(create_app(settings, QUICK))) as browser:
        yield browser


def test_a_url_needs_no_key_and_says_when_it_ends(client: TestClient, browser: TestClient) -> None:
    asset = sent(client)
    assert asset["url"].startswith(f"http://testserver{ASSETS}/{asset['id']}/content?expires=")
    left = datetime.fromisoformat(asset["url_expires_at"]) - datetime.now(UTC)
    assert timedelta(minutes=59) < left < timedelta(minutes=76)
    part = browser.get(asset["url"], headers={"Range": "bytes=1-3"})
    assert (browser.get(asset["url"]).content, part.status_code, part.content) == (PNG, 206, b"PNG")


def test_a_url_opens_its_own_file_alone(client: TestClient, browser: TestClient) -> None:
    first, second = sent(client), sent(client, b"another file", file_path="other.png")
    for wrong in (
        first["url"].replace(first["id"], second["id"]),
        first["url"].partition("?")[0],
        f"{first['url']}&size=300",
        first["url"].replace("/content", ""),
    ):
        refused(browser.get(wrong), 401, "unauthorized")


def test_a_key_goes_before_a_signature(client: TestClient, browser: TestClient, key: str, engine: Engine) -> None:
    asset = sent(client)
    address = asset["url"].partition("?")[0]
    for headers in ({"X-API-Key": key}, {"Authorization": f"Bearer {key}"}):
        assert browser.get(f"{address}?expires=1&signature=x&later=1", headers=headers).content == PNG
    anothers: Any = {"X-API-Key": new_key(engine, another=True)}
    refused(browser.get(asset["url"], headers=anothers), 404, "not_found")


def test_a_url_ends_with_the_key_that_asked(client: TestClient, browser: TestClient, key: str, engine: Engine) -> None:
    url = sent(client)["url"]
    with transaction(engine) as session:
        revoke_key(session, key.split("_")[1])
    refused(browser.get(url), 401, "unauthorized")

"""The address of the service alone says what it is, and where to go."""

import re

import pytest
from starlette.testclient import TestClient

from shared.version import VERSION

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
PAGE = "/studio"  # where pages were not made, it says so
ADDRESSES = {PAGE, "/docs", "/openapi.json", "/health/ready"}


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(("accept", "kind"), [(BROWSER, "text/html"), ("*/*", "application/json")])
def test_a_browser_gets_a_page_and_others_json(client: TestClient, method: str, accept: str, kind: str) -> None:
    answer = client.request(method, "/", headers={"Accept": accept, "Authorization": ""})
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith(kind)
    assert answer.headers["vary"] == "Accept"
    assert int(answer.headers["content-length"]) > 0


def test_both_name_the_same_addresses_and_each_is_there(client: TestClient) -> None:
    page = client.get("/", headers={"Accept": BROWSER})
    shown = client.get("/").json()
    assert (shown.pop("service"), shown.pop("version")) == ("Genonaut Generation", VERSION)
    assert set(re.findall('href="(/[^"]*)"', page.text)) == set(shown.values()) == ADDRESSES
    for path in ADDRESSES - {PAGE}:
        assert client.get(path, headers={"Authorization": ""}).status_code == 200


def test_the_page_takes_nothing_from_elsewhere(client: TestClient) -> None:
    page = client.get("/", headers={"Accept": BROWSER})
    assert "://" not in page.text
    assert page.headers["content-security-policy"].startswith("default-src 'none'")

"""Pages of other origins: those that are named may call the API and read what it answers, all others may not."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from starlette.routing import Route
from starlette.testclient import TestClient

from api_service.main import create_app
from shared.configuration.settings import SettingsError, load_settings
from tests.api_service.conftest import bearer
from tests.api_service.quick_api import QUICK

APP, ANOTHER, STRANGER = "https://app.example.com", "http://localhost:5173", "https://evil.example.com"
JOBS = "/api/v1/generation-jobs/"
ALLOWS = "access-control-allow-origin"


@contextmanager
def api(environ: dict[str, str], key: str, origins: str) -> Iterator[TestClient]:
    settings = load_settings({**environ, "CORS_ORIGINS": origins})
    with TestClient(create_app(settings, QUICK), headers=bearer(key), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def client(environ: dict[str, str], key: str) -> Iterator[TestClient]:
    with api(environ, key, f"{APP}:443, {ANOTHER}") as client:
        yield client


def asked_first(client: TestClient, origin: str, method: str = "POST", headers: str = "authorization") -> Any:
    asks = {"Origin": origin, "Access-Control-Request-Method": method, "Access-Control-Request-Headers": headers}
    return TestClient(client.app).options(JOBS, headers=asks)


@pytest.mark.parametrize("origin", [APP, ANOTHER])
def test_a_named_origin_is_told_what_it_may_send(client: TestClient, origin: str) -> None:
    answer = asked_first(client, origin)
    assert (answer.status_code, answer.content, answer.headers[ALLOWS]) == (204, b"", origin)
    assert {"Authorization", "Content-Type", "Idempotency-Key"} <= set(
        answer.headers["access-control-allow-headers"].split(", ")
    )
    assert {"POST", "PATCH", "DELETE"} <= set(answer.headers["access-control-allow-methods"].split(", "))
    assert answer.headers["access-control-max-age"] == "600"
    assert answer.headers["vary"].startswith("Origin, ")
    assert answer.headers["x-request-id"]


def test_a_named_origin_may_read_answers_and_their_headers(client: TestClient) -> None:
    answer = client.get(JOBS, headers={"Origin": APP})
    assert (answer.status_code, answer.headers[ALLOWS], answer.headers["vary"]) == (200, APP, "Origin")
    exposed = set(answer.headers["access-control-expose-headers"].split(", "))
    assert {"ETag", "Location", "Retry-After", "X-Request-Id", "RateLimit-Remaining", "Content-Range"} <= exposed


@pytest.mark.parametrize("path", ["/nowhere", f"{JOBS}999", "/api/v1/users"])
def test_a_refusal_can_be_read_too(client: TestClient, path: str) -> None:
    answer = client.get(path, headers={"Origin": APP})
    assert answer.status_code >= 400
    assert answer.headers[ALLOWS] == APP


def test_so_can_an_answer_without_a_key_and_one_that_failed(client: TestClient) -> None:
    keyless = client.get(JOBS, headers={"Origin": APP, "Authorization": ""})
    assert (keyless.status_code, keyless.headers[ALLOWS]) == (401, APP)

    async def fail(_request: object) -> None:
        raise ZeroDivisionError

    app: Any = client.app
    app.router.routes.append(Route("/fails", fail))
    answer = client.get("/fails", headers={"Origin": APP})
    assert (answer.status_code, answer.json()["code"], answer.headers[ALLOWS]) == (500, "internal_error", APP)
    assert answer.headers["x-request-id"]


@pytest.mark.parametrize("origin", [STRANGER, "null", f"{APP}.evil.com", "http://app.example.com", ""])
def test_any_other_origin_is_told_nothing(client: TestClient, origin: str) -> None:
    assert ALLOWS not in client.get(JOBS, headers={"Origin": origin}).headers
    answer = asked_first(client, origin)
    assert answer.status_code == 405
    assert ALLOWS not in answer.headers


def test_a_cache_keeps_the_answers_of_origins_apart(client: TestClient) -> None:
    for headers in ({}, {"Origin": STRANGER}, {"Origin": APP}):
        assert client.get("/", headers=headers).headers["vary"] == "Accept, Origin"


def test_with_a_star_every_origin_may_and_none_with_credentials(environ: dict[str, str], key: str) -> None:
    with api(environ, key, "*") as client:
        answers = (client.get(JOBS, headers={"Origin": STRANGER, "Cookie": "a=b"}), asked_first(client, STRANGER))
        for answer in answers:
            assert answer.headers[ALLOWS] == "*"
            assert "access-control-allow-credentials" not in answer.headers
        assert "vary" not in answers[0].headers


def test_without_the_setting_no_origin_may(environ: dict[str, str], key: str) -> None:
    with api(environ, key, "") as client:
        answer = client.get(JOBS, headers={"Origin": APP})
        assert not {name for name in answer.headers if name.startswith("access-control-")}
        assert asked_first(client, APP).status_code == 405


@pytest.mark.parametrize("origins", ["app.example.com", f"{APP}/", f"{APP}, *", "https://", "https://a b", "null"])
def test_what_is_no_origin_is_refused_at_the_start(environ: dict[str, str], origins: str) -> None:
    with pytest.raises(SettingsError, match="origins such as"):
        load_settings({**environ, "CORS_ORIGINS": origins})


@pytest.mark.parametrize(
    "url", ["example.com", "ftp://example.com", "https://a:b@example.com", "https://a?b", "https://"]
)
def test_what_is_no_public_url_is_refused_at_the_start(environ: dict[str, str], url: str) -> None:
    with pytest.raises(SettingsError, match="PUBLIC_URL"):
        load_settings({**environ, "PUBLIC_URL": url})


@pytest.mark.parametrize("lifetime", ["1s", "8d"])
def test_a_url_lives_for_a_minute_to_a_week(environ: dict[str, str], lifetime: str) -> None:
    with pytest.raises(SettingsError, match="from 1m to 7d"):
        load_settings({**environ, "FILE_URL_LIFETIME": lifetime})

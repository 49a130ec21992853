"""A browser signs in with a link or a key, has a cookie of its own, and no other site can use that."""

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import Engine, func, update
from sqlmodel import col, select
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from api_service.http.server.browser_cookies import COOKIE
from api_service.main import create_app
from shared.accounts.browsers import create_code
from shared.accounts.keys import revoke_key
from shared.configuration.settings import Settings
from shared.database.engine import transaction
from shared.models import ApiKey, Scope, SignInCode
from tests.api_service.conftest import bearer, new_key
from tests.api_service.quick_api import QUICK
from tests.jobs import USER

OF_A_PAGE = {"X-Genonaut-Page": "1"}
SECURE = "https://genonaut.test"


@pytest.fixture
def browser(settings: Settings) -> Iterator[TestClient]:
    """It keeps cookies and sends what a page sends; by TLS, as a proxy has it."""
    with TestClient(create_app(settings, QUICK), base_url=SECURE, headers=OF_A_PAGE) as client:
        yield client


def code_for(engine: Engine, *scopes: Scope) -> str:
    with transaction(engine) as session:
        return create_code(session, USER, scopes or (Scope.READ, Scope.WRITE))


def signed_in(browser: TestClient, engine: Engine) -> None:
    assert browser.post("/session", json={"code": code_for(engine)}).status_code == 200


def the_browsers_key(engine: Engine) -> ApiKey:
    with transaction(engine) as session:
        return session.exec(select(ApiKey).where(ApiKey.is_browser)).one()


def test_a_link_signs_one_browser_in_once(browser: TestClient, engine: Engine) -> None:
    code = code_for(engine)
    answer = browser.post("/session", json={"code": code})
    assert answer.json()["scopes"] == ["jobs:read", "jobs:write"]
    cookie = answer.headers["set-cookie"]
    assert {"HttpOnly", "SameSite=strict", "Secure", "Path=/"} <= set(re.split("; ?", cookie))
    assert browser.get("/api/v1/me").json()["user"]["id"] == str(USER)
    assert browser.post("/session", json={"code": code}).status_code == 401


def test_a_link_that_is_old_signs_nobody_in(browser: TestClient, engine: Engine) -> None:
    code = code_for(engine)
    with transaction(engine) as session:
        session.exec(update(SignInCode).values(expires_at=func.now() - timedelta(seconds=1)))
    answer = browser.post("/session", json={"code": code})
    assert answer.status_code == 401
    assert "ten minutes" in answer.json()["detail"]
    assert COOKIE not in browser.cookies


def test_a_key_signs_in_and_takes_its_browsers_with_it(browser: TestClient, engine: Engine) -> None:
    key = new_key(engine, Scope.READ)
    assert browser.post("/session", json={"key": key}).json()["scopes"] == ["jobs:read"]
    assert key not in browser.cookies[COOKIE]
    with transaction(engine) as session:
        revoke_key(session, key.split("_")[1])
    assert the_browsers_key(engine).revoked_at is not None


@pytest.mark.parametrize("sent", [{"key": "gn_a_b"}, {"key": ""}, {}, {"code": "0"}, {"key": "no key"}])
def test_what_is_no_key_signs_nobody_in(browser: TestClient, sent: dict[str, str]) -> None:
    assert browser.post("/session", json=sent).status_code == 401


def test_a_key_for_addresses_opens_no_page(browser: TestClient, engine: Engine) -> None:
    answer = browser.post("/session", json={"key": new_key(engine, Scope.NATIVE)})
    assert answer.status_code == 401
    assert "native" in answer.json()["detail"]


def test_nobody_is_signed_in_at_first(browser: TestClient) -> None:
    assert browser.get("/session").status_code == 204


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"X-Genonaut-Page": ""}, 422),  # there, so it is of a page; the body is wrong
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 422),
    ],
)
def test_another_site_changes_nothing(
    browser: TestClient, engine: Engine, headers: dict[str, str], status: int
) -> None:
    signed_in(browser, engine)
    assert browser.post("/api/v1/generation-jobs/", json={}, headers=headers).status_code == status


def test_a_form_of_another_site_has_no_header_of_ours(browser: TestClient, engine: Engine) -> None:
    signed_in(browser, engine)
    del browser.headers["X-Genonaut-Page"]
    assert browser.post("/api/v1/generation-jobs/", json={}).status_code == 403
    assert browser.get("/api/v1/me").status_code == 200


def test_a_key_of_its_own_goes_before_the_cookie(browser: TestClient, engine: Engine) -> None:
    signed_in(browser, engine)
    del browser.headers["X-Genonaut-Page"]
    another = bearer(new_key(engine, another=True))
    assert browser.post("/api/v1/generation-jobs/", json={}, headers=another).status_code == 422


def test_a_socket_is_opened_by_our_pages_alone(browser: TestClient, engine: Engine) -> None:
    signed_in(browser, engine)
    sent = {"Cookie": f"{COOKIE}={browser.cookies[COOKIE]}"}
    with browser.websocket_connect("/ws/jobs", headers={**sent, "Origin": "http://testserver"}) as socket:
        assert socket.receive_json()["type"] == "snapshot"
    for origin in ({}, {"Origin": "https://elsewhere.test"}, {"Origin": "null"}):
        with pytest.raises(WebSocketDisconnect), browser.websocket_connect("/ws/jobs", headers={**sent, **origin}):
            pass


def test_the_secret_is_another_after_a_day(browser: TestClient, engine: Engine) -> None:
    signed_in(browser, engine)
    first = browser.cookies[COOKIE]
    assert "set-cookie" not in browser.get("/session").headers
    with transaction(engine) as session:
        session.exec(update(ApiKey).where(col(ApiKey.is_browser)).values(created_at=func.now() - timedelta(days=1)))
    assert browser.get("/session").status_code == 200
    assert browser.cookies[COOKIE] != first
    assert browser.get("/api/v1/me").status_code == 200
    browser.cookies.set(COOKIE, first, domain="genonaut.test")
    assert browser.get("/session").status_code == 204


def test_signed_out_the_cookie_is_good_for_nothing(browser: TestClient, engine: Engine) -> None:
    signed_in(browser, engine)
    kept = browser.cookies[COOKIE]
    assert browser.delete("/session").status_code == 204
    assert COOKIE not in browser.cookies
    browser.cookies.set(COOKIE, kept, domain="genonaut.test")
    assert browser.get("/session").status_code == 204
    assert the_browsers_key(engine).revoked_at is not None


@pytest.mark.parametrize("cookie", ["", "x", "gn_a_b", '"', "\u00ff", "a" * 9000])
def test_a_cookie_of_nonsense_is_nobodys(browser: TestClient, cookie: str) -> None:
    sent = {"Cookie": f"{COOKIE}={cookie}".encode("latin-1")}
    assert browser.get("/session", headers=sent).status_code == 204  # type: ignore[arg-type]  # bytes are sent as they are
    assert browser.get("/api/v1/me", headers=sent).status_code == 401  # type: ignore[arg-type]

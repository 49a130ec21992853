"""Who may use ComfyUI's own API: by a header, by the address alone, or from a network that is trusted."""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from sqlalchemy import Engine
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from api_service.main import create_app
from shared.accounts.keys import revoke_key
from shared.configuration.pairs import trusted_networks
from shared.configuration.settings import Settings, load_settings
from shared.database.engine import transaction
from shared.models import Scope
from tests.api_service.conftest import bearer, new_key
from tests.api_service.quick_api import QUICK
from tests.simulator.graphs import noise


def basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


@contextmanager
def asking(settings: Settings, address: str = "10.1.2.3", base: str = "http://testserver") -> Iterator[TestClient]:
    """A client without a key that asks from an address."""
    with TestClient(create_app(settings, QUICK), base_url=base, client=(address, 50000)) as client:
        yield client


@pytest.fixture
def nobody(settings: Settings) -> Iterator[TestClient]:
    with asking(settings) as client:
        yield client


@pytest.fixture
def trusting(environ: dict[str, str]) -> Settings:
    return load_settings({**environ, "NATIVE_TRUSTED": "10.0.0.0/8=somebody, 10.9.0.0/16=nobody known"})


@pytest.fixture
def address_key(engine: Engine) -> str:
    return new_key(engine, Scope.NATIVE)


def test_a_key_is_the_password_of_anybody_or_the_user_without_one(nobody: TestClient, key: str) -> None:
    for headers in (bearer(key), basic("anybody", key), basic(key, "")):
        assert nobody.get("/queue", headers=headers).status_code == 200
        assert nobody.get("/api/v1/me", headers=headers).status_code == 200
    for wrong in (basic("anybody", "wrong"), {"Authorization": "Basic ###"}, {}, {"Authorization": "Bearer "}):
        assert nobody.get("/queue", headers=wrong).status_code == 401


@pytest.mark.parametrize("base", ["", "/api"])
def test_a_key_in_the_address_is_enough(nobody: TestClient, address_key: str, base: str) -> None:
    here = f"/c/{address_key}{base}"
    assert nobody.post(f"{here}/prompt", json={"prompt": noise()}).status_code == 200
    assert len(nobody.get(f"{here}/queue").json()["queue_pending"]) == 1
    with nobody.websocket_connect(f"{here}/ws?clientId=me") as socket:
        assert "status" in socket.receive_text()


def test_behind_a_key_in_the_address_there_is_nothing_else(nobody: TestClient, address_key: str) -> None:
    for path in ("/api/v1/generation-jobs/", "/api/v1/me", "/docs", "/health/live", "/nothing"):
        answer = nobody.get(f"/c/{address_key}{path}")
        assert (answer.status_code, answer.json()["error"]["type"]) == (404, "not_found")
    with pytest.raises(WebSocketDisconnect), nobody.websocket_connect(f"/c/{address_key}/ws/jobs"):
        pass


def test_no_other_key_is_taken_from_an_address(nobody: TestClient, key: str, engine: Engine) -> None:
    for other in (key, new_key(engine, Scope.ADMIN), "gn_x_y", "x"):
        assert nobody.get(f"/c/{other}/queue").status_code == 401
        assert nobody.get(f"/c/{other}/queue", headers=bearer(key)).status_code == 401


def test_a_key_for_addresses_is_good_for_no_other_door(nobody: TestClient, address_key: str) -> None:
    assert nobody.get("/queue", headers=bearer(address_key)).status_code == 200
    assert nobody.get("/api/v1/generation-jobs/", headers=bearer(address_key)).status_code == 403


def test_a_key_for_addresses_can_be_revoked(nobody: TestClient, address_key: str, engine: Engine) -> None:
    with transaction(engine) as session:
        revoke_key(session, address_key.split("_")[1])
    assert nobody.get(f"/c/{address_key}/queue").status_code == 401


def test_a_key_for_addresses_has_no_other_scope(settings: Settings, engine: Engine) -> None:
    with asking(settings) as client:
        admin = bearer(new_key(engine, Scope.ADMIN))
        users = client.get("/api/v1/users", headers=admin).json()["items"]
        url = f"/api/v1/users/{users[0]['id']}/keys"
        for scopes, status in ((["native"], 201), (["native", "jobs:read"], 422)):
            answer = client.post(url, json={"name": "x", "scopes": scopes}, headers=admin)
            assert answer.status_code == status, answer.text


def test_nobody_is_trusted_unless_it_is_said(nobody: TestClient) -> None:
    assert nobody.get("/queue").status_code == 401


def test_who_asks_from_a_trusted_network_is_its_user(trusting: Settings, key: str) -> None:
    with asking(trusting) as client:
        assert client.post("/prompt", json={"prompt": noise()}).status_code == 200
        assert len(client.get("/queue", headers=bearer(key)).json()["queue_pending"]) == 1
        assert client.get("/queue", headers={"Authorization": "Bearer "}).status_code == 200
        assert client.get("/queue", headers=basic("", "")).status_code == 200
        assert client.get("/api/v1/me").status_code == 401
        with client.websocket_connect("/ws") as socket:
            assert "status" in socket.receive_text()


@pytest.mark.parametrize("address", ["192.0.2.1", "testclient", "::1", "10.9.1.1"])
def test_who_asks_from_elsewhere_or_for_nobody_is_not(trusting: Settings, address: str) -> None:
    with asking(trusting, address) as client:
        assert client.get("/queue").status_code == 401


def test_a_key_counts_more_than_a_network(trusting: Settings, engine: Engine) -> None:
    with asking(trusting) as client:
        client.post("/prompt", json={"prompt": noise()})
        other = bearer(new_key(engine, another=True))
        assert client.get("/queue", headers=other).json()["queue_pending"] == []
        assert client.get("/queue", headers=bearer("gn_x_y")).status_code == 401


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-For": "10.1.2.3"},
        {"Forwarded": "for=10.1.2.3"},
        {"Via": "1.1 proxy"},
        {"Origin": "https://elsewhere.example"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
def test_an_unnamed_proxy_and_another_sites_page_are_not_trusted(trusting: Settings, headers: dict[str, str]) -> None:
    with asking(trusting) as client:
        assert client.get("/queue", headers=headers).status_code == 401


def test_a_port_of_its_own_leads_to_nothing_else(environ: dict[str, str], key: str) -> None:
    settings = load_settings({**environ, "NATIVE_PORT": "8188"})
    with asking(settings, base="http://testserver:8188") as client:
        assert client.get("/queue", headers=bearer(key)).status_code == 200
        assert client.get("/api/v1/me", headers=bearer(key)).status_code == 404
    with asking(settings, base="http://testserver:8000") as client:
        assert client.get("/api/v1/me", headers=bearer(key)).status_code == 200


def test_a_port_of_its_own_has_no_path_of_a_proxy(environ: dict[str, str], key: str) -> None:
    root = "/make/pictures"
    settings = load_settings({**environ, "NATIVE_PORT": "8188", "ROOT_PATH": root, "NATIVE_TRUSTED": ""})
    with asking(settings, base="http://testserver:8188") as client:
        answers = [
            client.request(method, path, headers=bearer(key), follow_redirects=False)
            for path in ("/queue", "/history", "/prompt", "/object_info", "/system_stats", "/view", "/nothing", "/ws")
            for method in ("GET", "POST", "PUT")
        ]
        answers.append(client.get("/queue"))
        assert client.get("/queue", headers=bearer(key)).status_code == 200
        assert client.get(f"{root}/queue", headers=bearer(key)).status_code == 404
    assert not [one.url for one in answers if root in f"{one.text}{one.headers}"]
    with asking(settings, base="http://testserver:8000") as client:
        assert client.get(f"{root}/queue", headers=bearer(key)).status_code == 200
        assert client.get("/", headers={"Accept": "application/json"}).json()["docs"] == f"{root}/docs"


@pytest.mark.parametrize("text", ["10.0.0.0/8", "10.0.0.0/8=", "x=anna", "10.0.0.1/8=anna", "10.0.0.0/8=" + "a" * 256])
def test_a_network_that_is_none_is_not_accepted(text: str) -> None:
    with pytest.raises(ValueError, match="networks, each with"):
        trusted_networks(text)


def test_who_looks_too_often_is_refused_once_it_has_waited_for_its_turn(environ: dict[str, str], key: str) -> None:
    """No client of ComfyUI knows what 429 is, so it is the last thing to answer."""
    settings = load_settings({**environ, "LIMIT_REQUESTS_PER_MINUTE": "5"})
    with TestClient(create_app(settings, replace(QUICK, native_turn_s=0.1)), headers=bearer(key)) as client:
        assert {client.get("/prompt").status_code for _ in range(5)} == {200}
        answer = client.get("/prompt")
    assert (answer.status_code, answer.json()["error"]["type"]) == (429, "rate_limited")
    assert answer.headers["retry-after"]

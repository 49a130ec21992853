"""Who a key is: what is remembered of it, what is noted, and what does not tell one wrong key from another."""

import asyncio
import hmac
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import Engine, event, update
from sqlmodel import col
from starlette.testclient import TestClient

from api_service.accounts.keyring import Keyring
from api_service.doors.binding import by_key
from api_service.http.problems import STATUSES, headers_of
from api_service.main import running
from api_service.refusals.refusal import Refusal
from shared.accounts.keys import revoke_key
from shared.configuration.settings import Settings
from shared.database.engine import transaction
from shared.models import ApiKey
from tests.jobs import USER

WITHIN_S = 30.0


def id_of(key: str) -> str:
    return key.split("_")[1]


def row(engine: Engine, key: str) -> ApiKey:
    with transaction(engine) as session:
        return session.get_one(ApiKey, id_of(key))


def refusal(keyring: Keyring, authorization: str | None) -> str:
    with pytest.raises(Refusal) as refused:
        keyring.identify(authorization)
    assert STATUSES[refused.value.code] == 401
    assert "WWW-Authenticate" in headers_of(refused.value)
    return refused.value.detail.partition(";")[0]


def test_a_key_is_its_user(engine: Engine, key: str) -> None:
    identity = Keyring(engine).identify(f"bearer  {key} ")
    assert (identity.user_id, identity.key_id) == (USER, id_of(key))


@pytest.mark.parametrize(
    "authorization", [None, "", "Bearer", "Bearer x", "Basic gn_a_b", "gn_a_b", "Bearer gn_A_b", "Bearer gn_a_b\0"]
)
def test_what_is_no_key_is_refused_before_anything_is_read(authorization: str | None) -> None:
    keyring = Keyring(None)  # type: ignore[arg-type]  # there is no database to read from
    assert "key" in refusal(keyring, authorization)


def test_a_wrong_secret_and_an_unknown_id_are_told_apart_by_nobody(engine: Engine, key: str) -> None:
    keyring = Keyring(engine)
    wrong, unknown = f"Bearer gn_{id_of(key)}_{'0' * 64}", f"Bearer gn_{'0' * 12}_{'0' * 64}"
    assert refusal(keyring, wrong) == refusal(keyring, unknown) == "the key is not known"
    for authorization in (wrong, unknown):
        assert compared(lambda sent=authorization: refusal(keyring, sent)) == 1  # type: ignore[misc]


def compared(deed: Callable[[], object]) -> int:
    """How often two secrets are compared in constant time."""
    seen: list[Any] = []
    sys.setprofile(lambda _frame, event, called: seen.append(called) if event == "c_call" else None)
    try:
        deed()
    finally:
        sys.setprofile(None)
    return seen.count(hmac.compare_digest)


def test_a_secret_is_not_kept(engine: Engine, key: str) -> None:
    kept = row(engine, key)
    assert key.split("_")[2] not in str(kept.model_dump())
    assert len(kept.secret_hash) == 32


def test_the_last_use_is_noted_once_a_minute(engine: Engine, key: str) -> None:
    keyring = Keyring(engine)

    def used() -> datetime:
        keyring.forget(id_of(key))
        keyring.identify(f"Bearer {key}")
        at = row(engine, key).last_used_at
        assert at is not None
        return at

    assert row(engine, key).last_used_at is None
    first = used()
    assert used() == first
    with transaction(engine) as session:
        before = first - timedelta(minutes=2)
        session.exec(update(ApiKey).where(col(ApiKey.id) == id_of(key)).values(last_used_at=before))
    assert used() >= first


def test_a_key_that_another_process_revoked_is_refused_within_a_moment(
    client: TestClient, engine: Engine, key: str
) -> None:
    assert client.get("/api/v1/me").status_code == 200
    with transaction(engine) as session:
        revoke_key(session, id_of(key))
    deadline = time.monotonic() + WITHIN_S
    while (response := client.get("/api/v1/me")).status_code == 200:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert response.status_code == 401
    assert "revoked" in response.json()["detail"]


def test_a_key_that_expires_is_refused_from_that_moment_even_if_it_is_remembered(engine: Engine, key: str) -> None:
    keyring = Keyring(engine)
    with transaction(engine) as session:
        soon = datetime.now(UTC) + timedelta(seconds=0.3)
        session.exec(update(ApiKey).where(col(ApiKey.id) == id_of(key)).values(expires_at=soon))
    keyring.key(id_of(key))
    while datetime.now(UTC) < soon:
        time.sleep(0.05)
    assert refusal(keyring, f"Bearer {key}") == "the key has expired"


def test_a_remembered_key_costs_neither_a_thread_nor_a_question(client: TestClient) -> None:
    services: Any = client.app_state["services"]
    portal: Any = client.portal
    assert client.get("/api/v1/me").status_code == 200
    services.keyring.known = {
        key_id: known._replace(until=time.monotonic() + 3600) for key_id, known in services.keyring.known.items()
    }
    portal.call(lambda: setattr(services.threads, "total_tokens", 0))  # whatever wants a thread now, waits for ever
    assert client.get("/api/v1/me?x=1").status_code == 422
    portal.call(lambda: setattr(services.threads, "total_tokens", 10))


def test_many_requests_at_once_read_a_key_once(settings: Settings, key: str) -> None:
    async def story() -> int:
        async with running(settings) as services:
            asked: list[str] = []
            event.listen(services.engine, "before_cursor_execute", lambda *about: asked.append(about[2]))
            connection: Any = SimpleNamespace(
                state=SimpleNamespace(services=services), headers={"authorization": f"Bearer {key}"}
            )
            found = await asyncio.gather(*(by_key(connection) for _ in range(20)))
            assert {identity.key_id for identity in found} == {id_of(key)}
            return sum("read_key" in statement for statement in asked)

    assert asyncio.run(story()) == 1

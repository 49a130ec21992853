"""POST /webhooks/comfyui: signed, small, told once, and not there without a secret."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import redis
from starlette.testclient import TestClient

from api_service.main import create_app
from shared.configuration.settings import Settings, SettingsError
from shared.webhooks.signing import drawn_secret, headers_for
from tests.api_service.quick_api import QUICK
from tests.webhooks import settings_with_secret
from tests.worker_service.waiting import until

URL, PROMPT = "/webhooks/comfyui", "1f0c7a52-0000-4000-8000-000000000042"
SECRET = drawn_secret()
ENDED = {"type": "prompt.ended", "data": {"prompt_id": PROMPT}}


@pytest.fixture
def told(environ: dict[str, str]) -> Iterator[TestClient]:
    with TestClient(create_app(settings_with_secret(environ, SECRET), QUICK)) as client:
        yield client


def tell(
    client: TestClient,
    body: Any = ENDED,
    *,
    at: timedelta = timedelta(0),
    message: UUID | None = None,
    secret: bytes = SECRET,
    **headers: str,
) -> Any:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    signed = headers_for(message or uuid4(), content, datetime.now(UTC) + at, [secret])
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    sent = {"Content-Type": "application/json", **signed, **named}
    return client.post(URL, content=content, headers=sent)


@pytest.fixture
def looks(settings: Settings, redis_client: redis.Redis) -> Iterator[list[str]]:
    """The prompts that workers are told to look at, as they come."""
    heard: list[str] = []

    def hear(message: Mapping[str, bytes]) -> None:
        heard.append(message["data"].decode())

    with redis_client.pubsub(ignore_subscribe_messages=True) as pubsub:  # type: ignore[no-untyped-call]  # redis' own
        pubsub.subscribe(**{f"{settings.redis_ns}:looks": hear})
        thread = pubsub.run_in_thread(sleep_time=0.02, daemon=True)
        until(lambda: redis_client.pubsub_numsub(f"{settings.redis_ns}:looks")[0][1] == 1)
        yield heard
        thread.stop()
        thread.join(10)


def test_workers_are_told_once_for_each_message(told: TestClient, looks: list[str]) -> None:
    message = uuid4()
    assert [tell(told, message=message).status_code for _ in range(3)] == [202] * 3
    assert tell(told, {**ENDED, "data": {"prompt_id": "the"}, "timestamp": "now"}).status_code == 202
    until(lambda: looks[-1:] == ["the"])
    assert looks == [PROMPT, "the"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"secret": b"another" * 5},
        {"at": timedelta(minutes=-6)},
        {"at": timedelta(minutes=6)},
        {"webhook_signature": "v1,AAAA"},
        {"webhook_signature": ""},
        {"webhook_signature": "v1," + "A" * 2000},
        {"webhook_timestamp": "soon"},
        {"webhook_timestamp": "9" * 30},
        {"webhook_id": "another"},
        {"webhook_id": "x" * 200},
    ],
    ids=str,
)
def test_what_is_not_signed_now_is_refused(told: TestClient, looks: list[str], wrong: dict[str, Any]) -> None:
    response = tell(told, **wrong)
    assert (response.status_code, response.json()["code"]) == (403, "invalid_signature")
    assert looks == []


def test_one_of_several_signatures_is_enough(told: TestClient) -> None:
    body, message = json.dumps(ENDED).encode(), uuid4()
    headers = headers_for(message, body, datetime.now(UTC), [drawn_secret(), SECRET])
    sent = told.post(URL, content=body, headers={"Content-Type": "application/json", **headers})
    assert sent.status_code == 202


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        ({}, 422),
        ({"type": "prompt.begun", "data": {"prompt_id": PROMPT}}, 422),
        ({"type": "prompt.ended", "data": {"prompt_id": ""}}, 422),
        ({"type": "prompt.ended", "data": {"prompt_id": "a b"}}, 422),
        ({"type": "prompt.ended", "data": {"prompt_id": "x" * 256}}, 422),
        (b" " * 5000, 413),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_signed_and_says_nothing_is_refused(told: TestClient, body: Any, status: int) -> None:
    assert tell(told, body).status_code == status


def test_without_a_secret_it_is_not_there(client: TestClient) -> None:
    response = tell(client)
    assert response.status_code == 404
    assert "COMFYUI_WEBHOOK_SECRET is not set" in response.json()["detail"]


def test_while_redis_is_away_it_is_taken_all_the_same(environ: dict[str, str]) -> None:
    away = {**environ, "REDIS_URL": "redis://127.0.0.1:9/0"}
    with TestClient(create_app(settings_with_secret(away, SECRET), QUICK)) as client:
        assert tell(client).status_code == 202


@pytest.mark.parametrize("secret", ["hunter22", "whsec_", "whsec_AAAA", "whsec_hunter22!"])
def test_a_secret_that_is_none_is_refused_at_the_start_and_not_shown(environ: dict[str, str], secret: str) -> None:
    with pytest.raises(SettingsError) as refused:
        settings_with_secret(environ, secret)
    assert "whsec_` and the base64 of 24 to 64 bytes" in str(refused.value)
    assert f"'{secret}'" not in str(refused.value)

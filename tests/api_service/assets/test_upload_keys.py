"""An upload under an Idempotency-Key is one upload, however often it is sent; another one under it is refused."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlmodel import select
from starlette.testclient import TestClient

from shared.configuration.settings import Settings
from shared.messaging.messenger import Messenger
from shared.models import AssetKey
from tests.api_service.assets.assets import ASSETS, PNG, files, nothing_is_left
from tests.api_service.assets.test_uploading import refused
from tests.api_service.conftest import bearer, new_key
from tests.api_service.inputs.test_outputs_as_inputs import completed

KEY = {"Idempotency-Key": "once"}
V2 = "/api/v2/assets"


def send(client: TestClient, content: bytes = PNG, filename: str = "photo.png", **fields: Any) -> Any:
    return client.post(ASSETS, files={"file": (filename, content)}, data=fields, headers=KEY)


def send_v2(client: TestClient, content: bytes = PNG, headers: dict[str, str] = KEY, **fields: Any) -> Any:
    said = {"content_type": "image/png", "file_path": "photo.png", **fields}
    return client.post(V2, files={"file": ("photo.png", content)}, data=said, headers=headers)


def keys(messenger: Messenger) -> list[str]:
    with messenger.transaction() as session:
        return list(session.exec(select(AssetKey.key)))


def test_the_same_upload_is_answered_with_its_asset_and_another_is_refused(client: TestClient) -> None:
    made = send(client)
    assert (made.status_code, made.headers.get("idempotency-replayed")) == (201, None)
    again = send(client)
    assert (again.status_code, again.headers["idempotency-replayed"]) == (200, "true")
    assert again.json()["id"] == made.json()["id"]
    others = [send(client, PNG + b"more"), send(client, filename="other.png"), send(client, tags=["input"])]
    for other in others:
        body = refused(other, 422, "idempotency_key_reused")
        assert made.json()["id"] in body["detail"]
    assert len(client.get(ASSETS).json()["items"]) == 1


def test_at_the_comfy_api_a_key_is_good_once(client: TestClient, settings: Settings) -> None:
    made = send_v2(client)
    assert made.status_code == 201
    for again in (send_v2(client), send_v2(client, PNG + b"more"), send_v2(client, file_path="other.png")):
        assert again.status_code == 422
        error = again.json()["error"]
        assert (error["code"], error["details"]) == ("idempotency_key_reuse", {"asset_id": made.json()["id"]})
    assert len(files(settings)) == 1
    assert send_v2(client, headers={}).status_code == 200


def test_a_key_is_free_after_a_refusal_and_after_the_deletion_of_its_asset(
    client: TestClient, settings: Settings, messenger: Messenger
) -> None:
    assert send_v2(client, expected_hash=f"blake3:{'0' * 64}").status_code == 409
    assert send_v2(client, b"").status_code == 422
    assert nothing_is_left(settings, messenger)
    made = send_v2(client)
    assert made.status_code == 201
    assert client.delete(f"{V2}/{made.json()['id']}").status_code == 204
    assert send_v2(client).status_code == 201
    assert keys(messenger) == ["once"]


def test_one_asset_may_have_come_under_several_keys(client: TestClient, messenger: Messenger) -> None:
    first = send_v2(client)
    second = send_v2(client, headers={"Idempotency-Key": "another"})
    assert (second.status_code, second.json()["id"]) == (200, first.json()["id"])
    assert sorted(keys(messenger)) == ["another", "once"]


def test_a_key_belongs_to_one_user(client: TestClient, engine: Engine) -> None:
    other = bearer(new_key(engine, another=True))
    assert send_v2(client).status_code == send_v2(client, headers={**KEY, **other}).status_code == 201


@pytest.mark.parametrize("door", [send, send_v2])
def test_of_two_at_once_under_a_key_one_makes_the_asset(client: TestClient, settings: Settings, door: Any) -> None:
    barrier = Barrier(2)

    def upload(content: bytes) -> int:
        barrier.wait(10)
        return int(door(client, content).status_code)

    with ThreadPoolExecutor(2) as pool:
        statuses = sorted(pool.map(upload, [PNG, PNG + b"more"]))
    assert statuses == [201, 422]
    assert len(files(settings)) == 1


def test_an_output_is_kept_once_under_a_key(
    client: TestClient, messenger: Messenger, settings: Settings, tmp_path: Path
) -> None:
    job_id = completed(messenger, settings, tmp_path)
    made = client.post(f"{ASSETS}/from-output", json={"job_id": job_id}, headers=KEY)
    assert made.status_code == 201
    client.delete(f"/api/v1/generation-jobs/{job_id}")
    again = client.post(f"{ASSETS}/from-output", json={"job_id": job_id}, headers=KEY)
    assert (again.status_code, again.headers["idempotency-replayed"], again.json()["id"]) == (
        200,
        "true",
        made.json()["id"],
    )
    other = client.post(f"{ASSETS}/from-output", json={"job_id": job_id, "name": "x"}, headers=KEY)
    refused(other, 422, "idempotency_key_reused")


def test_an_asset_whose_time_has_run_out_is_kept_anew_under_its_key(
    client: TestClient, messenger: Messenger, settings: Settings, tmp_path: Path
) -> None:
    body = {"job_id": completed(messenger, settings, tmp_path)}
    made = client.post(f"{ASSETS}/from-output", json=body, headers=KEY).json()
    with messenger.transaction() as session:
        session.connection().exec_driver_sql("UPDATE assets SET expires_at = now() - interval '1 second'")
    again = client.post(f"{ASSETS}/from-output", json=body, headers=KEY)
    assert (again.status_code, again.headers["idempotency-replayed"]) == (200, "true")
    assert client.get(f"{ASSETS}/{made['id']}").json()["id"] == again.json()["id"]


def test_a_url_is_not_fetched_again_under_its_key(client: TestClient, messenger: Messenger) -> None:
    refused(client.post(ASSETS, json={"url": "https://127.0.0.1/x.png"}, headers=KEY), 422, "invalid_fields")
    assert keys(messenger) == []
    assert send(client).status_code == 201
    refused(client.post(ASSETS, json={"url": "https://127.0.0.1/x.png"}, headers=KEY), 422, "idempotency_key_reused")


@pytest.mark.parametrize("odd", ["", "x" * 256, "two words"])
def test_what_is_no_key_is_refused_before_anything_is_kept(
    client: TestClient, settings: Settings, messenger: Messenger, odd: str
) -> None:
    answer = client.post(ASSETS, files={"file": ("a.png", PNG)}, headers={"Idempotency-Key": odd})
    refused(answer, 400, "invalid_header")
    assert nothing_is_left(settings, messenger)

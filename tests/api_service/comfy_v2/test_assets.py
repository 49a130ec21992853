"""Assets by the Comfy API: sent once, named by hash, shown, downloaded and deleted; the same as those of /api/v1."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from blake3 import blake3
from comfy_low.models import Asset
from sqlalchemy import Engine
from starlette.testclient import TestClient

from api_service.main import create_app
from shared.configuration.settings import Settings, load_settings
from shared.jobs import lifecycle
from shared.messaging.messenger import Messenger
from shared.models import AssetUse, Scope
from shared.storage.opening import open_storage
from shared.workflows.opaque_names import output_name
from tests.api_service.assets.assets import PNG, files, nothing_is_left, stored_bytes
from tests.api_service.comfy_v2.contract import ASSETS, held, refused
from tests.api_service.comfy_v2.holding import holding
from tests.api_service.conftest import bearer, new_key
from tests.api_service.quick_api import QUICK
from tests.jobs import output, running, submitted

HASH = f"blake3:{blake3(PNG).hexdigest()}"
OTHER_HASH = f"blake3:{'0' * 64}"
FROM_HASH, BY_HASH = f"{ASSETS}/from-hash", f"{ASSETS}/by-hash"


def send(client: TestClient, content: bytes = PNG, **fields: Any) -> Any:
    fields = {"content_type": "image/png", "file_path": "photo.png", **fields}
    data = {name: value for name, value in fields.items() if value is not None}
    return client.post(ASSETS, files={"file": ("photo.png", content)}, data=data)


def sent(client: TestClient, content: bytes = PNG, **fields: Any) -> dict[str, Any]:
    response = send(client, content, **fields)
    assert response.is_success, response.text
    held(Asset, response.json())
    return response.json()  # type: ignore[no-any-return]


def shown(asset: dict[str, Any]) -> dict[str, Any]:
    """What is shown of an asset later, which does not say how it was made."""
    return {name: value for name, value in asset.items() if name != "created_new"}


def test_a_file_becomes_an_asset_whose_bytes_come_back(client: TestClient, settings: Settings) -> None:
    response = send(client, expected_hash=HASH, tags=["input", "mask"])
    asset = response.json()
    held(Asset, asset)
    assert (response.status_code, response.headers["location"]) == (201, f"{ASSETS}/{asset['id']}")
    assert {name: asset[name] for name in ("hash", "size_bytes", "content_type", "file_path", "created_new")} == {
        "hash": HASH,
        "size_bytes": len(PNG),
        "content_type": "image/png",
        "file_path": "photo.png",
        "created_new": True,
    }
    assert "job_id" not in asset
    assert client.get(f"{ASSETS}/{asset['id']}").json() == shown(asset)
    assert asset["url"].startswith(f"http://testserver{ASSETS}/{asset['id']}/content?")
    assert client.get(asset["url"]).content == PNG
    part = client.get(asset["url"], headers={"Range": "bytes=1-3"})
    assert (part.status_code, part.content) == (206, b"PNG")
    assert len(files(settings)) == 1


def test_it_is_the_same_asset_at_both_doors(client: TestClient) -> None:
    asset = sent(client, tags=["input"])
    other = client.get(f"/api/v1/assets/{asset['id']}").json()
    assert (other["name"], other["hash"], other["tags"]) == ("photo.png", HASH, ["input"])


def test_bytes_that_are_there_are_kept_once(client: TestClient, settings: Settings, messenger: Messenger) -> None:
    first = sent(client)
    again = send(client)
    assert (again.status_code, again.json()) == (200, {**first, "created_new": False})
    renamed = send(client, file_path="other.png")
    assert (renamed.status_code, renamed.json()["created_new"]) == (200, False)
    assert renamed.json()["id"] != first["id"]
    assert (len(files(settings)), stored_bytes(messenger)) == (1, len(PNG))


def test_bytes_that_are_there_are_named_by_their_hash(
    client: TestClient, settings: Settings, messenger: Messenger
) -> None:
    first = sent(client)
    assert client.head(f"{BY_HASH}/{HASH}").status_code == 200
    same = client.post(FROM_HASH, json={"hash": HASH, "file_path": "photo.png"})
    assert (same.status_code, same.json()) == (200, {**first, "created_new": False})
    assert client.post(FROM_HASH, json={"hash": HASH}).json()["id"] == first["id"]
    other = client.post(FROM_HASH, json={"hash": HASH, "file_path": "other.png", "tags": ["input"]})
    held(Asset, other.json())
    assert (other.status_code, other.json()["created_new"], other.json()["file_path"]) == (201, False, "other.png")
    assert other.headers["location"] == f"{ASSETS}/{other.json()['id']}"
    assert client.get(other.json()["url"]).content == PNG
    client.delete(f"{ASSETS}/{first['id']}")
    assert client.get(other.json()["url"]).content == PNG, "the other name keeps the bytes"
    assert (len(files(settings)), stored_bytes(messenger)) == (1, len(PNG))


def test_of_bytes_that_are_not_there_nothing_is_made(client: TestClient, engine: Engine) -> None:
    client.headers.update(bearer(new_key(engine, another=True)))
    sent(client)
    client.headers.update(bearer(new_key(engine)))
    for content_hash in (HASH, OTHER_HASH, "sha256:00", "x" * 999):
        assert client.head(f"{BY_HASH}/{content_hash}").status_code == 404
    for content_hash in (HASH, OTHER_HASH):
        error = refused(client.post(FROM_HASH, json={"hash": content_hash}), 404, "blob_not_found")
        assert content_hash not in error.message, "another's and nobody's are to the letter the same"
    refused(client.post(FROM_HASH, json={"hash": "sha256:00"}), 422, "invalid_request")
    refused(client.get(f"{BY_HASH}/{HASH}"), 405, "invalid_request")


def test_a_hash_that_was_announced_must_be_that_of_the_bytes(
    client: TestClient, settings: Settings, messenger: Messenger
) -> None:
    refused(send(client, expected_hash=OTHER_HASH), 409, "hash_mismatch")
    assert nothing_is_left(settings, messenger)


def test_an_asset_stays_as_long_as_was_asked_and_never_shorter(client: TestClient) -> None:
    def left(asset: dict[str, Any]) -> timedelta:
        return datetime.fromisoformat(asset["expires_at"]) - datetime.now(UTC)

    day = sent(client, expires_in=86_400)
    assert timedelta(hours=23) < left(day) <= timedelta(days=1)
    for again in (
        sent(client, expires_in=60),
        client.post(FROM_HASH, json={"hash": HASH, "file_path": "photo.png", "expires_in": 60}).json(),
    ):
        assert again["expires_at"] == day["expires_at"]
    assert left(sent(client, expires_in=604_800)) > timedelta(days=6)
    assert sent(client)["expires_at"] is None


@pytest.mark.parametrize(
    "fields",
    [
        {"content_type": None},
        {"file_path": None},
        {"file_path": ""},
        {"file_path": "models/checkpoints/x.safetensors"},
        {"file_path": ".."},
        {"file_path": "a\nb"},
        {"file_path": "x" * 256},
        {"expected_hash": "9f8a"},
        {"expires_in": "59"},
        {"expires_in": "604801"},
        {"expires_in": "soon"},
        {"expires_in": "9" * 5000},
        {"tags": ["x" * 65]},
        {"tags": ["x"] * 17},
        {"content_type": "x" * 256},
        {"no_such_field": "x"},
    ],
    ids=lambda fields: repr(fields)[:40],
)
def test_a_wrong_field_is_refused_by_its_name(
    client: TestClient, settings: Settings, messenger: Messenger, fields: Any
) -> None:
    error = refused(send(client, **fields), 422, "invalid_request")
    assert next(iter(fields)) in error.message
    assert nothing_is_left(settings, messenger)


def test_what_is_no_form_with_a_file_is_refused(client: TestClient) -> None:
    refused(client.post(ASSETS, json={}), 422, "invalid_request")
    refused(client.post(ASSETS, files={"other": ("a", b"b")}), 422, "invalid_request")
    broken = {"Content-Type": "multipart/form-data; boundary=x"}
    refused(client.post(ASSETS, content=b"--x\r\n", headers=broken), 422, "invalid_request")
    refused(send(client, b""), 422, "invalid_request")


@pytest.mark.parametrize(
    "body", [{}, {"hash": 5}, {"hash": HASH, "expires_in": "60"}, {"hash": HASH, "file_path": "a/b"}, []], ids=repr
)
def test_a_wrong_body_is_refused(client: TestClient, body: Any) -> None:
    refused(client.post(FROM_HASH, json=body), 422, "invalid_request")


def test_a_file_too_large_and_a_full_store_are_told_apart(environ: dict[str, str], key: str) -> None:
    settings = load_settings({**environ, "ASSET_MAX_BYTES": "1024", "LIMIT_STORED_BYTES": "1500"})
    with TestClient(holding(create_app(settings, QUICK)), headers=bearer(key)) as client:
        refused(send(client, b"x" * 200_000), 413, "invalid_request")
        sent(client, b"x" * 1000)
        error = refused(send(client, b"y" * 1000), 403, "forbidden")
        assert "delete" in error.message


def test_an_asset_is_deleted_once(client: TestClient, settings: Settings, messenger: Messenger) -> None:
    asset = sent(client)
    answer = client.delete(f"{ASSETS}/{asset['id']}")
    assert (answer.status_code, answer.content) == (204, b"")
    refused(client.delete(f"{ASSETS}/{asset['id']}"), 404, "not_found")
    refused(client.get(f"{ASSETS}/{asset['id']}"), 404, "not_found")
    refused(client.get(f"{ASSETS}/{asset['id']}/content"), 404, "not_found")
    assert client.head(f"{BY_HASH}/{HASH}").status_code == 404
    assert (files(settings), stored_bytes(messenger)) == ([], 0)


def test_what_something_depends_on_is_not_deleted_and_not_told(client: TestClient, messenger: Messenger) -> None:
    asset, claim, job_id = sent(client), running(messenger), submitted(messenger)
    with messenger.transaction() as session:
        session.add(AssetUse(asset_id=asset["id"], job_id=job_id))
        lifecycle.complete(session, claim.lease, [output(claim)])
    messages = {
        refused(client.delete(f"{ASSETS}/{name}"), 409, "asset_in_use").message
        for name in (asset["id"], output_name(claim.job.id, 0))
    }
    assert len(messages) == 1


def test_an_asset_made_of_an_output_names_its_job(
    client: TestClient, settings: Settings, messenger: Messenger, tmp_path: Path
) -> None:
    claim = running(messenger)
    made = output(claim)
    (tmp_path / "file").write_bytes(PNG)
    open_storage(settings).store.put({made.path: tmp_path / "file"})
    with messenger.transaction() as session:
        lifecycle.complete(session, claim.lease, [made])
    kept = client.post("/api/v1/assets/from-output", json={"job_id": claim.job.id}).json()
    assert client.get(f"{ASSETS}/{kept['id']}").json()["job_id"].startswith("job_")


def test_a_key_that_only_reads_sends_and_deletes_nothing(client: TestClient, engine: Engine) -> None:
    asset = sent(client)
    client.headers.update(bearer(new_key(engine, Scope.READ)))
    for answer in (send(client), client.post(FROM_HASH, json={"hash": HASH}), client.delete(f"{ASSETS}/{asset['id']}")):
        refused(answer, 403, "forbidden")
    assert client.get(f"{ASSETS}/{asset['id']}").status_code == 200
    assert client.head(f"{BY_HASH}/{HASH}").status_code == 200

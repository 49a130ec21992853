"""POST /api/v1/assets: what is sent is kept once, and what it is is found out from its bytes."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from blake3 import blake3
from sqlalchemy import Engine
from starlette.testclient import TestClient

from api_service.main import create_app
from shared.configuration.settings import Settings, load_settings
from shared.messaging.messenger import Messenger
from shared.models import Scope
from tests.api_service.assets.assets import (
    ASSETS,
    FORM_HEADERS,
    PNG,
    files,
    form,
    notes,
    nothing_is_left,
    send,
    stored_bytes,
    uploaded,
)
from tests.api_service.conftest import bearer, new_key
from tests.jobs import USER


def refused(response: Any, status: int, code: str) -> Any:
    assert (response.status_code, response.json()["code"]) == (status, code), response.text
    return response.json()


def field(response: Any) -> str:
    (error,) = refused(response, 422, "invalid_fields")["errors"]
    assert error["message"]
    return str(error["field"])


def test_a_file_is_kept_with_what_is_found_out_about_it(
    client: TestClient, settings: Settings, messenger: Messenger
) -> None:
    response = send(client, PNG, "holiday.jpeg", tags=["input", "mask"])
    assert response.status_code == 201, response.text
    asset = response.json()
    assert response.headers["location"] == f"{ASSETS}/{asset['id']}"
    said = {name: asset[name] for name in ("user_id", "name", "kind", "media_type", "size_bytes", "tags", "job_id")}
    assert said == {
        "user_id": str(USER),
        "name": "holiday.jpeg",
        "kind": "image",
        "media_type": "image/png",
        "size_bytes": len(PNG),
        "tags": ["input", "mask"],
        "job_id": None,
    }
    assert asset["hash"] == f"blake3:{blake3(PNG).hexdigest()}"
    assert asset["expires_at"] is None
    assert client.get(f"{ASSETS}/{asset['id']}").json() == asset
    assert client.get(asset["url"]).content == PNG
    (file,) = files(settings)
    assert file.read_bytes() == PNG
    assert (notes(messenger), stored_bytes(messenger)) == ([], len(PNG))


def test_the_same_bytes_are_kept_once_and_the_same_name_is_the_same_asset(
    client: TestClient, settings: Settings, messenger: Messenger
) -> None:
    first = uploaded(client)
    again = send(client)
    assert (again.status_code, again.json()) == (200, first)
    renamed = send(client, PNG, "another.png")
    assert renamed.status_code == 200
    assert renamed.json()["id"] != first["id"]
    assert client.get(renamed.json()["url"]).content == PNG
    assert (len(files(settings)), notes(messenger), stored_bytes(messenger)) == (1, [], len(PNG))


def test_another_user_has_bytes_of_its_own(client: TestClient, settings: Settings, engine: Engine) -> None:
    mine = uploaded(client)
    response = client.post(ASSETS, files={"file": ("photo.png", PNG)}, headers=bearer(new_key(engine, another=True)))
    assert response.status_code == 201, "it says nothing of what others have"
    assert response.json()["id"] != mine["id"]
    assert len(files(settings)) == 2


@pytest.mark.parametrize("round_", range(3))
def test_of_many_who_send_the_same_at_once_one_is_kept(
    client: TestClient, settings: Settings, messenger: Messenger, round_: int
) -> None:
    together = Barrier(6)

    def one(_: int) -> Any:
        together.wait()
        return send(client)

    with ThreadPoolExecutor(6) as threads:
        responses = list(threads.map(one, range(6)))
    assert sorted(response.status_code for response in responses) == [200] * 5 + [201]
    assert len({response.json()["id"] for response in responses}) == 1
    assert (len(files(settings)), notes(messenger), stored_bytes(messenger)) == (1, [], len(PNG))


def test_a_hash_that_is_given_must_be_that_of_the_bytes(
    client: TestClient, settings: Settings, messenger: Messenger
) -> None:
    problem = refused(send(client, hash=f"blake3:{'0' * 64}"), 409, "hash_mismatch")
    assert blake3(PNG).hexdigest() in problem["detail"]
    assert field(send(client, hash="sha256:00")) == "hash"
    assert nothing_is_left(settings, messenger)
    assert uploaded(client, hash=f"blake3:{blake3(PNG).hexdigest()}")


def test_a_second_upload_makes_it_stay_longer_and_never_shorter(client: TestClient) -> None:
    soon, late = "2090-01-01T00:00:00Z", "2091-01-01T00:00:00Z"
    assert uploaded(client, expires_at=soon)["expires_at"] == soon
    assert uploaded(client, expires_at=late)["expires_at"] == late
    assert uploaded(client, expires_at=soon)["expires_at"] == late
    assert uploaded(client)["expires_at"] is None
    assert uploaded(client, expires_at=late)["expires_at"] is None
    assert field(send(client, expires_at="2001-01-01T00:00:00Z")) == "expires_at"


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("photo.png", "photo.png"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\anna\\photo.png", "photo.png"),
        ("/absolute/", "file"),
        ("..", "file"),
        ("", "file"),
        ("a\tb\x7f.png", "ab.png"),
        ("x" * 300 + ".png", "x" * 251 + ".png"),
        ("🦊" * 300 + ".webp", "🦊" * 250 + ".webp"),
        ("\u202egnp.exe", "gnp.exe"),
        ("  spaced .png ", "spaced .png"),
    ],
)
def test_a_filename_becomes_a_plain_name(client: TestClient, given: str, name: str) -> None:
    head = f'name="file"; filename="{given}"'
    escaped = head.replace("\\", "\\\\") if "\\" in given else head
    response = client.post(ASSETS, content=form(PNG, head=escaped), headers=FORM_HEADERS)
    assert response.status_code == 201, response.text
    assert response.json()["name"] == name
    content = client.get(response.json()["url"])
    assert content.content == PNG
    assert content.headers["content-disposition"].startswith('inline; filename="')


@pytest.mark.parametrize("name", ["a/b", "a\\b", "a\0b", "", "x" * 256, "..", " a", "a\nb", "\u202ea"])
def test_a_name_that_is_no_plain_one_is_refused_by_field(
    client: TestClient, settings: Settings, messenger: Messenger, name: str
) -> None:
    assert field(send(client, name=name)) == "name"
    assert nothing_is_left(settings, messenger)


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"tags": [""]}, "tags[0]"),
        ({"tags": ["x" * 65]}, "tags[0]"),
        ({"tags": ["a"] * 17}, "tags"),
        ({"tags": ["a\0"]}, "tags[0]"),
        ({"colour": "red"}, "colour"),
        ({"name": ["a", "b"]}, "name"),
        ({"expires_at": "soon"}, "expires_at"),
        ({"name": "x" * 70_000}, "name"),
    ],
)
def test_a_wrong_field_is_named_and_nothing_is_kept(
    client: TestClient, settings: Settings, messenger: Messenger, fields: dict[str, Any], wrong: str
) -> None:
    assert field(send(client, **fields)) == wrong
    assert nothing_is_left(settings, messenger)


def test_a_file_of_no_bytes_is_refused(client: TestClient, settings: Settings, messenger: Messenger) -> None:
    assert field(send(client, b"")) == "file"
    assert nothing_is_left(settings, messenger)


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        (form(PNG), {"Content-Type": "text/plain"}, 415, "unsupported_media_type"),
        (form(PNG), {"Content-Type": "multipart/form-data"}, 400, "invalid_form"),
        (form(PNG), {"Content-Type": f"multipart/form-data; boundary={'x' * 500}"}, 400, "invalid_form"),
        (form(PNG), {"Content-Type": "multipart/form-data; boundary=other"}, 400, "invalid_form"),
        (form(PNG)[:-9], FORM_HEADERS, 400, "invalid_form"),
        (form(PNG, end=""), FORM_HEADERS, 400, "invalid_form"),
        (b"", FORM_HEADERS, 400, "invalid_form"),
        (b"--xyz--\r\n", FORM_HEADERS, 422, "invalid_fields"),
        (form(PNG, head="nameless"), FORM_HEADERS, 400, "invalid_form"),
        (form(PNG, head='name="file"'), FORM_HEADERS, 422, "invalid_fields"),
        (form(PNG, head='name="picture"; filename="a.png"'), FORM_HEADERS, 422, "invalid_fields"),
        (form(PNG, head=f'name="file"; filename="a"\r\nX-Long: {"x" * 50_000}'), FORM_HEADERS, 400, "invalid_form"),
        (form(PNG)[:-9] + b"\r\n" + form(PNG), FORM_HEADERS, 422, "invalid_fields"),
        (form(b"a", head='name="x"', end="\r\n").join([b""] * 100), FORM_HEADERS, 400, "invalid_form"),
    ],
)
def test_what_is_no_form_with_one_file_is_refused_and_nothing_is_kept(
    client: TestClient,
    settings: Settings,
    messenger: Messenger,
    body: bytes,
    headers: dict[str, str],
    status: int,
    code: str,
) -> None:
    refused(client.post(ASSETS, content=body, headers=headers), status, code)
    assert nothing_is_left(settings, messenger)


def test_fields_may_come_before_and_after_the_file(client: TestClient) -> None:
    parts = [form(b"early", head='name="tags"'), form(PNG), form(b"late", head='name="tags"')]
    body = b"".join(part.removesuffix(b"--xyz--\r\n") for part in parts) + b"--xyz--\r\n"
    response = client.post(ASSETS, content=body, headers=FORM_HEADERS)
    assert (response.status_code, response.json()["tags"]) == (201, ["early", "late"])
    assert client.get(response.json()["url"]).content == PNG


def test_a_boundary_within_the_bytes_is_part_of_them(client: TestClient) -> None:
    content = b"\r\n--xy\r\n--xyw--\r\n" * 50_000
    response = client.post(ASSETS, content=form(content), headers=FORM_HEADERS)
    assert client.get(response.json()["url"]).content == content


def test_a_file_may_have_as_many_bytes_as_is_set_and_not_one_more(
    environ: dict[str, str], settings: Settings, messenger: Messenger, key: str
) -> None:
    app = create_app(load_settings({**environ, "ASSET_MAX_BYTES": "2000"}))
    with TestClient(app, headers=bearer(key)) as client:
        problem = refused(send(client, b"x" * 2001), 413, "asset_too_large")
        assert "2000 bytes" in problem["detail"]
        refused(send(client, b"x" * 5_000_000), 413, "asset_too_large")
        lied = client.post(ASSETS, content=iter([form(b"x" * 100_000)] * 9), headers=FORM_HEADERS)
        refused(lied, 413, "asset_too_large")
        assert nothing_is_left(settings, messenger)
        assert send(client, b"x" * 2000).status_code == 201


def test_a_store_that_refuses_is_said_and_nothing_is_counted(
    client: TestClient, settings: Settings, messenger: Messenger, tmp_path: Path
) -> None:
    store = Path(settings.storage_url.removeprefix("file://"))
    if store.exists():
        store.rename(tmp_path / "aside")
    store.parent.mkdir(parents=True, exist_ok=True)
    store.write_bytes(b"no folder")
    refused(send(client), 503, "storage_unavailable")
    assert stored_bytes(messenger) == 0
    store.unlink()
    assert uploaded(client)


def test_only_who_may_write_uploads(client: TestClient, engine: Engine) -> None:
    reader = bearer(new_key(engine, Scope.READ))
    refused(client.post(ASSETS, files={"file": ("a", PNG)}, headers=reader), 403, "forbidden")

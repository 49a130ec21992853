"""Files by ComfyUI's names: outputs and uploads of the caller, and nobody else's."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event, update
from starlette.testclient import TestClient

from api_service.main import create_app
from api_service.prompts.files import free_name
from shared.configuration.settings import Settings, load_settings
from shared.messaging.messenger import Messenger
from shared.models import JobOutput
from tests.api_service.assets.assets import PNG
from tests.api_service.conftest import bearer, new_key
from tests.api_service.native.prompts import begun, completed, job_of, posted, put
from tests.api_service.quick_api import QUICK
from tests.jobs import USER


@pytest.fixture
def other(engine: Engine) -> dict[str, str]:
    """Sent by another user."""
    return bearer(new_key(engine, another=True))


def image(client: TestClient, messenger: Messenger, settings: Settings, folder: Path, kind: str) -> dict[str, str]:
    """How the history names the picture of a prompt that is complete."""
    prompt_id = posted(client)
    claim = begun(messenger)
    path = f"{claim.job.id}/{kind}.png"
    put(settings, folder, path, PNG)
    completed(messenger, claim, {"type": kind, "path": path, "size_bytes": len(PNG)})
    found: dict[str, str] = client.get(f"/history/{prompt_id}").json()[prompt_id]["outputs"]["9"]["images"][0]
    return found


@pytest.mark.parametrize("kind", ["output", "temp"])
def test_an_output_is_seen_by_its_owner_alone(
    client: TestClient, messenger: Messenger, settings: Settings, tmp_path: Path, other: dict[str, str], kind: str
) -> None:
    named = image(client, messenger, settings, tmp_path, kind)
    assert named["type"] == kind
    found = client.get("/view", params=named)
    assert (found.content, found.headers["content-type"]) == (PNG, "image/png")
    assert client.head("/view", params=named).headers["content-length"] == str(len(PNG))
    part = client.get("/api/view", params={**named, "preview": "webp;80"}, headers={"Range": "bytes=0-3"})
    assert (part.status_code, part.content) == (206, PNG[:4])
    assert client.get("/view", params=named, headers={"If-None-Match": found.headers["etag"]}).status_code == 304
    assert client.get("/view", params=named, headers=other).status_code == 404
    assert client.get("/view", params={**named, "type": "output" if kind == "temp" else "temp"}).status_code == 404
    assert client.get("/view", params={"filename": f"{named['filename']} [{kind}]"}).content == PNG


def test_a_preview_is_the_largest_thumbnail_or_the_file_itself(
    client: TestClient, messenger: Messenger, settings: Settings, tmp_path: Path
) -> None:
    named = image(client, messenger, settings, tmp_path, "output")
    whole = client.get("/view", params={**named, "preview": "webp;90"})
    assert (whole.content, whole.headers["x-preview"]) == (PNG, "original")
    assert "x-preview" not in client.get("/view", params=named).headers
    sizes = {
        size: {"path": f"small/{size}{ending}", "width": 1, "height": 1, "size_bytes": 3}
        for size, ending in (("150", ".webp"), ("600", ".jpg"))
    }
    put(settings, tmp_path, "small/600.jpg", b"abc")
    with messenger.transaction() as session:
        session.exec(update(JobOutput).values(thumbnails=sizes))
    small = client.get("/view", params={**named, "preview": "webp;90"})
    assert (small.content, small.headers["content-type"], small.headers["x-preview"]) == (
        b"abc",
        "image/jpeg",
        "thumbnail",
    )
    assert client.get("/view", params=named).content == PNG


@pytest.mark.parametrize(
    ("params", "status"),
    [
        ({}, 400),
        ({"filename": "x.png", "type": "bogus"}, 400),
        ({"filename": "x.png"}, 404),
        ({"filename": "../../etc/passwd"}, 404),
        ({"filename": "x\0.png"}, 404),
        ({"filename": "x-job-99999999999-0.png"}, 404),
        ({"filename": "x" * 1000}, 400),
    ],
)
def test_what_is_no_file_is_not_found(client: TestClient, params: dict[str, str], status: int) -> None:
    answer = client.get("/view", params=params)
    assert (answer.status_code, "error" in answer.json()) == (status, True)


def sent(client: TestClient, content: bytes = PNG, name: str = "cat.png", **fields: Any) -> Any:
    answer = client.post("/upload/image", files={"image": (name, content)}, data=fields)
    assert answer.status_code == 200, answer.text
    return answer.json()


def seen(client: TestClient, name: str, **params: str) -> bytes:
    return client.get("/view", params={"filename": name, "type": "input", **params}).content


def test_an_upload_is_an_asset_of_its_owner(client: TestClient, other: dict[str, str]) -> None:
    assert sent(client) == {"name": "cat.png", "subfolder": "", "type": "input"}
    assert seen(client, "cat.png") == PNG
    (asset,) = client.get("/api/v1/assets").json()["items"]
    assert asset["name"] == "cat.png"
    assert client.get("/view", params={"filename": "cat.png", "type": "input"}, headers=other).status_code == 404


def test_other_bytes_get_another_name_and_the_same_bytes_the_same(client: TestClient) -> None:
    names = [sent(client, content)["name"] for content in (PNG, PNG + b"2", PNG, PNG + b"2", PNG + b"3")]
    assert names == ["cat.png", "cat (1).png", "cat.png", "cat (1).png", "cat (2).png"]


def test_a_free_name_is_found_with_two_questions(client: TestClient, engine: Engine) -> None:
    for number in range(12):
        sent(client, PNG + bytes([number]))
    asked: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *args: asked.append(args[2]))
    assert free_name(engine, USER, "cat.png", "blake3:other") == "cat (12).png"
    assert len(asked) == 2


@pytest.mark.parametrize("name", ["x" * 246 + ".png", "x" * 250])
def test_a_long_name_in_a_folder_is_cut_to_what_there_is_room_for(client: TestClient, name: str) -> None:
    folder = "a" * (255 - len(name) - 1)
    kept = [sent(client, PNG + bytes([number]), name, subfolder=folder) for number in range(2)]
    assert kept[0]["name"] == name
    assert len(f"{folder}/{kept[1]['name']}") <= 255
    assert seen(client, kept[1]["name"], subfolder=folder) == PNG + b"\1"


def test_a_long_ending_is_cut_and_not_said_twice(client: TestClient) -> None:
    names = [sent(client, PNG + bytes([number]), f"cat.{'x' * 30}")["name"] for number in range(2)]
    assert names[1] == f"cat (1).{'x' * 19}"


def test_a_folder_that_leaves_no_room_for_a_number_is_refused(client: TestClient) -> None:
    folder = "/".join(["a" * 50] * 4 + ["a" * 48])
    assert sent(client, name="x", subfolder=folder)["name"] == "x"
    answer = client.post("/upload/image", files={"image": ("x", PNG + b"2")}, data={"subfolder": folder})
    assert (answer.status_code, "no room" in answer.text) == (422, True)


def test_what_overwrites_takes_the_place_of_what_was_there(client: TestClient) -> None:
    for content in (PNG, PNG + b"2", PNG):
        assert sent(client, content, overwrite="true")["name"] == "cat.png"
        assert seen(client, "cat.png") == content


def test_a_subfolder_is_a_part_of_the_name(client: TestClient) -> None:
    assert sent(client, subfolder="a/b", type="temp") == {"name": "cat.png", "subfolder": "a/b", "type": "temp"}
    assert seen(client, "cat.png", subfolder="a/b") == PNG


@pytest.mark.parametrize("fields", [{"type": "bogus"}, {"subfolder": "../x"}, {"subfolder": "a/" * 9}])
def test_a_place_that_there_is_not_is_refused(client: TestClient, fields: dict[str, str]) -> None:
    answer = client.post("/upload/image", files={"image": ("cat.png", PNG)}, data=fields)
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_upload")
    assert client.get("/api/v1/assets").json()["items"] == []


def test_an_upload_that_is_too_large_is_told_how_large_it_may_be(environ: dict[str, str], key: str) -> None:
    settings = load_settings({**environ, "ASSET_MAX_BYTES": "2000"})
    with TestClient(create_app(settings, QUICK), headers=bearer(key)) as client:
        for size in (2001, 200_000):
            answer = client.post("/upload/image", files={"image": ("cat.png", bytes(size))})
            assert (answer.status_code, "2000 bytes" in answer.text) == (413, True), answer.text


def test_an_upload_without_its_file_is_refused(client: TestClient) -> None:
    assert client.post("/upload/image", data={"image": "x"}, files={"other": b"y"}).status_code in {400, 422}
    assert client.post("/upload/image", json={"image": "x"}).status_code == 415


def test_a_mask_is_kept_as_it_comes(client: TestClient) -> None:
    answer = client.post(
        "/upload/mask", files={"image": ("mask.png", PNG)}, data={"original_ref": '{"filename": "cat.png"}'}
    )
    assert answer.json() == {"name": "mask.png", "subfolder": "", "type": "input"}


def test_names_of_outputs_differ_between_jobs(client: TestClient, messenger: Messenger) -> None:
    """Whatever the servers call them."""
    ids = [posted(client) for _ in range(2)]
    for _ in ids:
        completed(messenger, begun(messenger), {"server_filename": "ComfyUI_00001_.png"})
    names = {client.get(f"/history/{one}").json()[one]["outputs"]["9"]["images"][0]["filename"] for one in ids}
    assert len(names) == 2
    assert job_of(messenger, ids[0]).id != job_of(messenger, ids[1]).id

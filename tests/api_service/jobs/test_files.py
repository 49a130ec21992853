"""Outputs and thumbnails over HTTP: whole, in part, not again, and never as something else."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from starlette.testclient import TestClient

from shared.configuration.settings import Settings
from shared.jobs import lifecycle
from shared.messaging.messenger import Messenger
from shared.storage.opening import open_storage
from tests.jobs import output, running, submitted

CONTENT = bytes(range(256))
TAG = f'"{"0" * 64}"'


@pytest.fixture
def job_url(messenger: Messenger, settings: Settings, tmp_path: Path) -> str:
    """A completed job whose outputs are a picture with a thumbnail, and a web page."""
    claim = running(messenger)
    store = open_storage(settings).store
    file = tmp_path / "file"
    file.write_bytes(CONTENT)
    outputs = [
        output(claim, 0, thumbnails={"300": {"path": "thumb.webp"}, "600": {"path": "thumb.jpg"}}),
        output(
            claim, 1, filename="näme\r\n.html", media_type="text/html", thumbnail_note="other outputs have no picture"
        ),
    ]
    for key in (outputs[0].path, outputs[1].path, "thumb.webp", "thumb.jpg"):
        store.put({key: file})
    with messenger.transaction() as session:
        lifecycle.complete(session, claim.lease, outputs)
    return f"/api/v1/generation-jobs/{claim.job.id}"


def get(client: TestClient, url: str, **headers: str) -> Any:
    return client.get(url, headers={name.replace("_", "-"): value for name, value in headers.items()})


def test_an_output_comes_whole_with_its_type_and_tag(client: TestClient, job_url: str) -> None:
    response = get(client, f"{job_url}/outputs/0")
    assert (response.status_code, response.content) == (200, CONTENT)
    assert response.headers["content-type"] == "image/png"
    assert response.headers["content-length"] == "256"
    assert response.headers["etag"] == TAG
    assert response.headers["accept-ranges"] == "bytes"
    assert response.headers["content-disposition"].startswith("inline; ")
    assert response.headers["x-content-type-options"] == "nosniff"


def test_head_says_the_same_without_the_bytes(client: TestClient, job_url: str) -> None:
    whole, head = client.get(f"{job_url}/outputs/0"), client.head(f"{job_url}/outputs/0")
    assert head.content == b""
    names = ("content-type", "content-length", "etag", "cache-control")
    assert [head.headers[name] for name in names] == [whole.headers[name] for name in names]


def test_a_file_that_a_browser_might_run_is_only_offered_for_saving(client: TestClient, job_url: str) -> None:
    response = get(client, f"{job_url}/outputs/1")
    assert response.headers["content-disposition"] == (
        "attachment; filename=\"n_me__.html\"; filename*=UTF-8''n%C3%A4me%0D%0A.html"
    )
    assert response.headers["content-security-policy"] == "default-src 'none'; sandbox"


@pytest.mark.parametrize(
    ("asked", "content", "said"),
    [
        ("bytes=0-0", CONTENT[:1], "bytes 0-0/256"),
        ("bytes=10-19", CONTENT[10:20], "bytes 10-19/256"),
        ("bytes=250-", CONTENT[250:], "bytes 250-255/256"),
        ("bytes=250-9999", CONTENT[250:], "bytes 250-255/256"),
        ("bytes=-6", CONTENT[250:], "bytes 250-255/256"),
        ("bytes=-9999", CONTENT, "bytes 0-255/256"),
        ("bytes=0-255", CONTENT, "bytes 0-255/256"),
    ],
)
def test_a_range_is_answered_in_part(client: TestClient, job_url: str, asked: str, content: bytes, said: str) -> None:
    response = get(client, f"{job_url}/outputs/0", Range=asked)
    assert (response.status_code, response.content) == (206, content)
    assert response.headers["content-range"] == said
    assert response.headers["content-length"] == str(len(content))


@pytest.mark.parametrize("asked", ["bytes=5-4", "bytes=0-1,4-5", "bytes=", "bytes=-", "items=0-1", "bytes=a-b", "x"])
def test_a_range_of_another_form_is_ignored(client: TestClient, job_url: str, asked: str) -> None:
    response = get(client, f"{job_url}/outputs/0", Range=asked)
    assert (response.status_code, response.content) == (200, CONTENT)


@pytest.mark.parametrize("asked", ["bytes=256-", "bytes=999-1000", "bytes=-0"])
def test_a_range_beyond_the_end_is_refused_with_the_size(client: TestClient, job_url: str, asked: str) -> None:
    response = get(client, f"{job_url}/outputs/0", Range=asked)
    assert (response.status_code, response.json()["code"]) == (416, "range_not_satisfiable")
    assert response.headers["content-range"] == "bytes */256"


def test_a_range_of_a_file_that_changed_is_the_whole_file(client: TestClient, job_url: str) -> None:
    assert get(client, f"{job_url}/outputs/0", Range="bytes=0-1", If_Range=TAG).status_code == 206
    assert get(client, f"{job_url}/outputs/0", Range="bytes=0-1", If_Range='"other"').status_code == 200


@pytest.mark.parametrize("tag", [TAG, f'"x", {TAG}', f"W/{TAG}", "*"])
def test_what_the_client_has_is_not_sent_again(client: TestClient, job_url: str, tag: str) -> None:
    response = get(client, f"{job_url}/outputs/0", If_None_Match=tag)
    assert (response.status_code, response.content) == (304, b"")
    assert response.headers["etag"] == TAG


@pytest.mark.parametrize(("size", "kind", "ending"), [(300, "image/webp", ".webp"), (600, "image/jpeg", ".jpg")])
def test_a_thumbnail_is_called_what_its_file_is(
    size: int, kind: str, ending: str, client: TestClient, job_url: str
) -> None:
    response = get(client, f"{job_url}/thumbnails/0?size={size}")
    assert response.headers["content-type"] == kind
    assert response.headers["content-disposition"].endswith(f'-{size}{ending}"')


def test_a_thumbnail_has_a_tag_of_its_own(client: TestClient, job_url: str) -> None:
    response = get(client, f"{job_url}/thumbnails/0")
    assert (response.status_code, response.content) == (200, CONTENT)
    assert response.headers["etag"] != TAG
    assert get(client, f"{job_url}/thumbnails/0?size=300").content == CONTENT


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("thumbnails/0?size=150", "there are 300"),
        ("thumbnails/0?size=x", "there are 300"),
        ("thumbnails/1", "no picture"),
    ],
)
def test_a_thumbnail_that_is_not_there_says_which_are(client: TestClient, job_url: str, path: str, says: str) -> None:
    response = get(client, f"{job_url}/{path}")
    assert (response.status_code, response.json()["code"]) == (404, "thumbnail_not_found")
    assert says in response.json()["detail"]


@pytest.mark.parametrize("number", ["2", "x", "-1", "99999999999"])
@pytest.mark.parametrize("what", ["outputs", "thumbnails"])
def test_an_output_that_is_not_there_is_not_found(client: TestClient, job_url: str, what: str, number: str) -> None:
    response = get(client, f"{job_url}/{what}/{number}")
    assert (response.status_code, response.json()["code"]) == (404, "output_not_found")


def test_a_job_without_outputs_has_none(client: TestClient, messenger: Messenger) -> None:
    response = get(client, f"/api/v1/generation-jobs/{submitted(messenger)}/outputs/0")
    assert (response.status_code, response.json()["code"]) == (404, "output_not_found")


def test_a_file_that_the_store_has_lost_is_gone(client: TestClient, job_url: str, settings: Settings) -> None:
    open_storage(settings).store.remove(job_url.rpartition("/")[2])
    response = get(client, f"{job_url}/outputs/0")
    assert (response.status_code, response.json()["code"]) == (410, "output_gone")
    assert "path" not in response.json()


@pytest.mark.parametrize("how", ["missing", "unreadable"])
def test_a_store_that_is_away_has_lost_nothing(
    client: TestClient, job_url: str, settings: Settings, tmp_path: Path, how: str
) -> None:
    root, aside = Path(urlsplit(settings.storage_url).path), tmp_path / "aside"
    root.rename(aside)
    if how == "unreadable":
        root.symlink_to(root)  # no system follows that, whoever asks
    response = get(client, f"{job_url}/outputs/0")
    assert (response.status_code, response.json()["code"]) == (503, "storage_unavailable")
    assert response.headers["retry-after"] == "30"
    assert str(root) not in response.text
    storage = client.get("/health/ready").json()["storage"]
    assert storage["ok"] is (how == "missing")  # before the first output there is none
    root.unlink(missing_ok=True)
    aside.rename(root)
    assert get(client, f"{job_url}/outputs/0").content == CONTENT
    assert client.get("/health/ready").json()["storage"]["ok"]


def test_the_job_shows_its_outputs_with_their_addresses(client: TestClient, job_url: str) -> None:
    first, second = client.get(job_url).json()["outputs"]
    assert client.get(first["url"]).content == CONTENT
    assert client.get(first["thumbnails"]["300"]).content == CONTENT
    assert (second["thumbnails"], second["thumbnail_note"]) == ({}, "other outputs have no picture")

"""An asset of what is at a URL: fetched as it comes, by the rules of every request into somebody else's network."""

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from blake3 import blake3
from starlette.testclient import TestClient

from api_service.main import create_app
from shared.configuration.settings import Settings, load_settings
from shared.messaging.messenger import Messenger
from tests.api_service.assets.assets import ASSETS, PNG, nothing_is_left, stored_bytes, uploaded
from tests.api_service.assets.test_uploading import field, refused
from tests.api_service.conftest import bearer
from tests.api_service.quick_api import QUICK
from tests.raw_server import answer, raw_server


@pytest.fixture
def settings(environ: dict[str, str]) -> Settings:
    """This machine may be asked."""
    return load_settings({**environ, "OUTGOING_ALLOW": "127.0.0.1", "ASSET_MAX_BYTES": "2000"})


def fetch(client: TestClient, url: str, **body: Any) -> Any:
    return client.post(ASSETS, json={"url": url, **body})


def reason(response: Any, code: str = "url_not_fetched") -> str:
    (error,) = refused(response, 422, "invalid_fields")["errors"]
    assert (error["field"], error["code"]) == ("url", code)
    return str(error["message"])


def test_a_file_is_fetched_and_kept_as_an_uploaded_one(client: TestClient, messenger: Messenger) -> None:
    with raw_server(answer(PNG, Content_Type="text/html")) as server:
        response = fetch(client, f"{server.url}/a/a%20lighthouse.png?size=1", tags=["input"])
    assert response.status_code == 201, response.text
    asset = response.json()
    assert (asset["name"], asset["kind"], asset["media_type"]) == ("a lighthouse.png", "image", "image/png")
    assert (asset["tags"], asset["size_bytes"], asset["job_id"]) == (["input"], len(PNG), None)
    assert response.headers["location"] == f"{ASSETS}/{asset['id']}"
    assert client.get(asset["url"]).content == PNG
    assert stored_bytes(messenger) == len(PNG)


def test_the_same_bytes_are_kept_once_however_they_came(client: TestClient, messenger: Messenger) -> None:
    asset = uploaded(client, PNG, "photo.png")
    with raw_server(answer(PNG)) as server:
        again = fetch(client, server.url, name="photo.png")
    assert (again.status_code, again.json()["id"]) == (200, asset["id"])
    assert stored_bytes(messenger) == len(PNG)


def test_the_bytes_must_have_the_hash_that_was_sent(
    client: TestClient, settings: Settings, messenger: Messenger
) -> None:
    with raw_server(answer(PNG)) as server:
        right, wrong = (f"blake3:{blake3(content).hexdigest()}" for content in (PNG, b"other"))
        refused(fetch(client, server.url, hash=wrong), 409, "hash_mismatch")
        assert nothing_is_left(settings, messenger)
        assert fetch(client, server.url, hash=right).status_code == 201


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (answer(b"", "302 Found", Location="http://127.0.0.1:1/"), "302, a redirect"),
        (answer(b"nothing", "404 Not Found"), "answered 404"),
        (answer(b"part", "206 Partial Content"), "answered 206"),
        (answer(PNG, Content_Encoding="gzip"), "packed the file"),
        (answer(b""), "no bytes"),
        (answer(PNG)[:-1], "broke off in the middle"),
        (b"what?", "no answer that is whole and HTTP"),
        (b"", "no answer that is whole and HTTP"),
    ],
)
def test_an_answer_that_is_not_the_file_is_refused_with_what_it_was(
    client: TestClient, settings: Settings, messenger: Messenger, said: bytes, words: str
) -> None:
    with raw_server(said) as server:
        assert words in reason(fetch(client, server.url))
    assert nothing_is_left(settings, messenger)


def endless(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        connection.sendall(b"0" * 65536)


@pytest.mark.parametrize("said", [answer(b"0" * 2001), endless], ids=["as it says", "as it comes"])
def test_a_file_that_is_too_large_is_refused(
    client: TestClient, settings: Settings, messenger: Messenger, said: Any
) -> None:
    with raw_server(said) as server:
        refused(fetch(client, server.url), 413, "asset_too_large")
    assert nothing_is_left(settings, messenger)


@pytest.mark.parametrize(
    "url",
    [
        *("http://example.com/", "https://10.0.0.1/", "https://[::1]/", "file:///etc/passwd"),
        *("https://169.254.169.254/latest/meta-data/", "https://user:pw@example.com/", "https://example.com:22/", "a"),
    ],
)
def test_no_request_goes_into_our_own_network(
    client: TestClient, settings: Settings, messenger: Messenger, url: str
) -> None:
    assert reason(fetch(client, url), "url_not_allowed").startswith("must ")
    assert nothing_is_left(settings, messenger)


def test_unless_the_operator_allows_it_this_machine_is_not_asked(environ: dict[str, str], key: str) -> None:
    settings = load_settings(environ)
    with raw_server(answer(PNG)) as server, TestClient(create_app(settings, QUICK), headers=bearer(key)) as client:
        reason(fetch(client, server.url), "url_not_allowed")
        reason(fetch(client, server.url.replace("http", "https")), "url_not_allowed")
    assert server.asked == []


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({}, "url"),
        ({"url": 7}, "url"),
        ({"url": "x" * 2049}, "url"),
        ({"url": "https://example.com/", "name": "a/b"}, "name"),
        ({"url": "https://example.com/", "file": "x"}, "file"),
        ({"url": "https://example.com/", "hash": "md5:0"}, "hash"),
    ],
)
def test_a_wrong_field_is_named(client: TestClient, body: dict[str, Any], name: str) -> None:
    assert field(client.post(ASSETS, json=body)) == name


@pytest.fixture
def halting() -> Iterator[tuple[Any, threading.Event]]:
    """A server's part that answers once it may go on."""
    goes_on = threading.Event()

    def say(connection: socket.socket) -> None:
        goes_on.wait(60)
        connection.sendall(answer(PNG))

    yield say, goes_on
    goes_on.set()


def test_few_are_fetched_at_a_time_and_the_api_answers_meanwhile(
    client: TestClient, halting: tuple[Any, threading.Event]
) -> None:
    say, goes_on = halting
    fetches = client.app_state["services"].fetches
    with raw_server(say) as server, ThreadPoolExecutor(2) as threads:
        going = [threads.submit(fetch, client, f"{server.url}/{number}") for number in range(2)]
        while fetches.of_users.total() < 2:
            threading.Event().wait(0.01)
        one_more = fetch(client, server.url)
        assert refused(one_more, 429, "quota_exceeded")["limit"] == "fetches"
        assert one_more.headers["retry-after"] == "5"
        assert client.get(ASSETS).json()["items"] == []
        goes_on.set()
        assert sorted(one.result().status_code for one in going) == [200, 201], "the bytes are kept once"
        assert not fetches.of_users
        assert fetch(client, server.url).is_success


def silent(connection: socket.socket) -> None:
    connection.recv(1)


def test_a_server_that_says_nothing_is_waited_for_within_a_bound(
    client: TestClient, settings: Settings, messenger: Messenger
) -> None:
    client.app_state["services"].fetches.within = timedelta(seconds=0.2)
    with raw_server(silent) as server:
        assert "within 0.2 s" in reason(fetch(client, server.url))
    assert nothing_is_left(settings, messenger)

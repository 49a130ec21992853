"""Uploads over real connections: they break off, lie about their size, take long, or are large. Nothing is left."""

import json
import select
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from sqlalchemy import func, update

from shared.configuration.settings import Settings
from shared.files.folders import WRITERS_GONE
from shared.messaging.messenger import Messenger
from shared.models import DiscardedFolder
from tests.api_service.assets.assets import ASSETS, FORM_HEADERS, PNG, files, form, notes, nothing_is_left
from tests.api_service.conftest import bearer
from tests.api_service.guarded_api import BOUNDS, guard_with
from tests.api_service.serving import PATIENCE_S, Served, served, served_here
from tests.cleaning import cleaned
from tests.worker_service.waiting import LOOK_S, until

pytestmark = pytest.mark.system

MB = 1024 * 1024
PLACES = 12  # for connections
TRIES = 20
HALF = form(b"x" * 300_000).removesuffix(b"\r\n--xyz--\r\n")


@pytest.fixture
def api(environ: dict[str, str], key: str) -> Iterator[Served]:
    with guarded(environ, key, body_s=PATIENCE_S) as started:
        yield started


@contextmanager
def guarded(environ: dict[str, str], key: str, body_s: float) -> Iterator[Served]:
    """It waits for so long for a body of somebody it does not know."""
    with served_here(environ, key, guard_with(PLACES, replace(BOUNDS, body_s=body_s))) as started:
        yield started


def begun(api: Served, content: bytes, **headers: str) -> socket.socket:
    """An upload that has sent this much."""
    lines = {**bearer(api.key), **FORM_HEADERS, "Connection": "close", **headers}
    host, _, port = api.address.partition(":")
    connection = socket.create_connection((host, int(port)), timeout=PATIENCE_S)
    head = "\r\n".join([f"POST {ASSETS} HTTP/1.1", f"Host: {host}", *(f"{k}: {v}" for k, v in lines.items())])
    connection.sendall(head.encode() + b"\r\n\r\n" + content)
    return connection


def all_of(connection: socket.socket) -> bytes:
    """What is said until it is closed."""
    said = bytearray()
    while chunk := connection.recv(65536):
        said += chunk
    return bytes(said)


def answer(connection: socket.socket) -> tuple[int, str]:
    """Its status and its code; the code of what is no refusal is empty."""
    head, _, body = all_of(connection).partition(b"\r\n\r\n")
    return int(head.split()[1]), str(json.loads(body).get("code", ""))


def test_what_breaks_off_leaves_nothing(api: Served, settings: Settings, messenger: Messenger) -> None:
    with begun(api, HALF, **{"Content-Length": "1000000"}):
        until(lambda: len(files(settings)) == 1)
    until(lambda: nothing_is_left(settings, messenger))


@pytest.mark.landing
def test_fewer_bytes_than_were_announced_leave_nothing(api: Served, settings: Settings, messenger: Messenger) -> None:
    with begun(api, form(PNG), **{"Content-Length": "1000000"}) as lied:
        until(lambda: len(files(settings)) == 1)
        lied.shutdown(socket.SHUT_WR)
        until(lambda: nothing_is_left(settings, messenger))


def test_more_bytes_than_were_announced_are_not_taken_for_the_file(
    api: Served, settings: Settings, messenger: Messenger
) -> None:
    with begun(api, form(PNG), **{"Content-Length": str(len(form(PNG)) - 20)}) as lied:
        assert answer(lied) == (400, "invalid_form")
    assert nothing_is_left(settings, messenger)


def test_a_file_that_says_it_is_too_large_is_refused_before_it_comes(
    api: Served, settings: Settings, messenger: Messenger
) -> None:
    for length in (200_000 * MB, 10**15, 10**19):  # more than an archive may have
        with begun(api, b"", **{"Content-Length": str(length)}) as large:
            assert answer(large) == (413, "asset_too_large")
    assert nothing_is_left(settings, messenger)


def test_a_file_without_end_is_refused_once_it_is_too_large(
    environ: dict[str, str], key: str, settings: Settings, messenger: Messenger
) -> None:
    with served_here({**environ, "ASSET_MAX_BYTES": "1000000"}, key) as api:
        with begun(api, b"", **{"Transfer-Encoding": "chunked"}) as endless:
            piece = b"%x\r\n%s\r\n" % (len(HALF), HALF)
            filler = b"%x\r\n%s\r\n" % (MB, b"x" * MB)
            try:
                endless.sendall(piece)
                for _ in range(1000):
                    endless.sendall(filler)
                raise AssertionError("it took a gigabyte")
            except (BrokenPipeError, ConnectionResetError):
                pass
        until(lambda: nothing_is_left(settings, messenger))


def begun_in_time(api: Served, settings: Settings, rest: bytes) -> socket.socket:
    """An upload of which a file is begun. A busy machine may not know in time who sends it, and gives it up."""
    for _ in range(TRIES):
        connection = begun(api, HALF, **{"Content-Length": str(len(HALF + rest))})
        while not select.select([connection], [], [], LOOK_S)[0]:
            if len(files(settings)) == 1:
                return connection
        connection.close()
    raise AssertionError("each of them was given up")


def test_a_caller_who_is_known_has_more_time_than_others(environ: dict[str, str], key: str, settings: Settings) -> None:
    rest = b"\r\n--xyz--\r\n"
    with guarded(environ, key, body_s=0.5) as api, begun_in_time(api, settings, rest) as slow:
        nobody = {"Authorization": "Bearer gn_nobody_0", "Connection": "keep-alive", "Content-Length": "1000"}
        with begun(api, b"--xyz", **nobody) as unknown:
            assert all_of(unknown).startswith(b"HTTP/1.1 401 "), "and its time was up after that"
        slow.sendall(rest)
        assert answer(slow) == (201, "")


def test_what_a_crash_leaves_is_swept(
    environ: dict[str, str], key: str, tmp_path: Path, settings: Settings, messenger: Messenger
) -> None:
    bounds = {"GUARDED_PLACES": str(PLACES), "GUARDED_BODY_S": str(PATIENCE_S)}
    with (
        served({**environ, **bounds}, key, tmp_path, program="tests.api_service.guarded_api") as api,
        begun(api, HALF, **{"Content-Length": "1000000"}),
    ):
        until(lambda: len(files(settings)) == 1)
        api.process.kill()
        api.process.wait(PATIENCE_S)
    assert (len(files(settings)), len(notes(messenger))) == (1, 1)
    with messenger.transaction() as session:
        session.exec(update(DiscardedFolder).values(created_at=func.now() - WRITERS_GONE))
    cleaned(messenger, settings, "folders")
    assert nothing_is_left(settings, messenger)


@pytest.mark.landing
@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's count of the most memory is Linux's")
def test_a_large_file_takes_no_more_memory_than_a_small_one(
    environ: dict[str, str], key: str, tmp_path: Path, settings: Settings
) -> None:
    with (
        served(environ, key, tmp_path) as api,
        httpx.Client(base_url=f"http://{api.address}", headers=bearer(key), timeout=PATIENCE_S) as client,
    ):
        assert client.post(ASSETS, files={"file": ("small", b"x" * MB)}).status_code == 201
        before = most_memory(api)
        large = tmp_path / "large"
        with large.open("wb") as file:
            for number in range(60):
                file.write(bytes([number]) * MB)
        with large.open("rb") as file:
            response = client.post(ASSETS, files={"file": ("large", file)})
        assert (response.status_code, response.json()["size_bytes"]) == (201, 60 * MB)
        assert most_memory(api) - before < 16 * MB
        with client.stream("GET", response.json()["url"]) as content:
            assert sum(len(chunk) for chunk in content.iter_bytes()) == 60 * MB


def most_memory(api: Served) -> int:
    """The most bytes that the process ever had in memory."""
    (line,) = [
        line for line in Path(f"/proc/{api.process.pid}/status").read_text().splitlines() if line.startswith("VmHWM")
    ]
    return int(line.split()[1]) * 1024

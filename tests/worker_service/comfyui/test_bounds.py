"""Whatever a server answers is read within its bounds: in bytes, and in time from the request to the last byte."""

import gzip
import json
import resource
import socket
import time
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from shared.jobs.errors import ComfyUIUnreachable, OutputCorrupt, OutputTooLarge, StorageUnavailable
from tests.simulator.graphs import noise, run
from tests.simulator.running import BOTH, RunningSimulator
from tests.sweeps import rest_at_landing
from tests.worker_service.comfyui.raw_server import Play, raw_server, says
from worker_service.comfyui.answers import Finished
from worker_service.comfyui.client import ComfyUIClient
from worker_service.comfyui.connection import Bounds, Pace
from worker_service.comfyui.history_outputs import OutputFile

MEBIBYTE = 1024 * 1024
SOON = Bounds(MEBIBYTE, within_s=0.3)
OUTPUT = OutputFile("9", "a.png", "", "output")
SPACES = b" " * (8 * MEBIBYTE)
BOMB = gzip.compress(SPACES)


def trickle(connection: socket.socket, head: bytes, byte: bytes) -> None:
    connection.sendall(head)
    with suppress(OSError):
        while True:
            connection.sendall(byte)
            time.sleep(0.01)


def chunked(connection: socket.socket, _: bytes) -> None:
    trickle(connection, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n")


SLOW: dict[str, Play] = {
    "silence": lambda connection, _: trickle(connection, b"", b""),
    "status line": lambda connection, _: trickle(connection, b"HTTP/1.1 200 ", b"O"),
    "headers": lambda connection, _: trickle(connection, b"HTTP/1.1 200 OK\r\nX: ", b"x"),
    "many headers": lambda connection, _: trickle(connection, b"HTTP/1.1 200 OK\r\n", b"X: x\r\n"),
    "interim answers": lambda connection, _: trickle(connection, b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
    "body": lambda connection, _: trickle(connection, b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n", b" "),
    "body without an end": lambda connection, _: trickle(connection, b"HTTP/1.1 200 OK\r\n\r\n", b" "),
    "chunks": chunked,
    "gzip of nothing": lambda connection, _: trickle(
        connection, b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + BOMB[:10], b"\x00\x00\x00\xff\xff"
    ),
}


@pytest.mark.parametrize("what", SLOW)
def test_an_answer_that_comes_byte_by_byte_ends_at_its_deadline(what: str) -> None:
    with raw_server(SLOW[what]) as url:
        client = ComfyUIClient(url)
        with pytest.raises(ComfyUIUnreachable, match=r"longer than 0\.3 s"):
            client.connection.ask("GET", "/history/p", SOON)
        client.close()


OK = "HTTP/1.1 200 OK\nConnection: close"
LARGE: dict[str, Play] = {
    "plain": says(OK, b" " * (2 * MEBIBYTE)),
    "one that lies about its length": says(f"{OK}\nContent-Length: 99999999999", b" " * (2 * MEBIBYTE)),
    "gzip": says(f"{OK}\nContent-Encoding: gzip", BOMB),
    "deflate": says(f"{OK}\nContent-Encoding: deflate", zlib.compress(SPACES)),
    "an error": says("HTTP/1.1 400 Bad Request\nConnection: close", b" " * (2 * MEBIBYTE)),
}


@pytest.mark.parametrize("what", LARGE)
def test_an_answer_beyond_its_bound_is_not_read_to_its_end(what: str) -> None:
    with raw_server(LARGE[what]) as url:
        client = ComfyUIClient(url)
        with pytest.raises(ComfyUIUnreachable, match="more than 1048576 bytes"):
            client.ask("GET", "/queue", bounds=Bounds(MEBIBYTE, 60), accepts={400})
        client.close()


ODD: dict[str, tuple[Play, str]] = {
    "packed as nobody asked": (says(f"{OK}\nContent-Encoding: zstd", b"x"), "packed as 'zstd'"),
    "packed twice": (says(f"{OK}\nContent-Encoding: gzip, gzip", b"x"), "packed as 'gzip, gzip'"),
    "no gzip": (says(f"{OK}\nContent-Encoding: gzip", b"{}"), "is damaged"),
    "half a gzip": (says(f"{OK}\nContent-Encoding: gzip", gzip.compress(b"{}")[:-9]), "breaks off"),
    "headers without end": (says("HTTP/1.1 200 OK\n" + "X: x\n" * 100_000), "does not answer"),
    "a redirect": (says("HTTP/1.1 302 Found\nLocation: /login", b""), "GET /queue answered 302"),
    "an object with another status": (says("HTTP/1.1 404 Not Found\nContent-Length: 2", b"{}"), "answered 404"),
}


@pytest.mark.parametrize("what", ODD)
def test_an_answer_that_is_none_is_not_believed(what: str) -> None:
    play, reason = ODD[what]
    with raw_server(play) as url:
        client = ComfyUIClient(url)
        with pytest.raises(ComfyUIUnreachable, match=reason):
            client.get("/queue")
        client.close()


def test_a_packed_answer_is_understood() -> None:
    packed = gzip.compress(json.dumps({"a": [1] * 100_000}).encode())
    with raw_server(says(f"{OK}\nContent-Encoding: gzip", packed)) as url:
        client = ComfyUIClient(url)
        assert client.get("/queue") == {"a": [1] * 100_000}
        client.close()


READS: dict[str, Callable[[ComfyUIClient], Any]] = {
    "/queue": lambda client: client.queue(),
    "/system_stats": lambda client: client.version(),
    "/object_info": lambda client: client.object_info(),
    "/prompt": lambda client: client.submit(noise(), prompt_id="x", client_id="x"),
}


@BOTH
@pytest.mark.broad
@pytest.mark.parametrize("path", rest_at_landing(READS))
def test_some_megabytes_of_gzip_do_not_become_gigabytes(simulator: RunningSimulator, path: str) -> None:
    client, before = ComfyUIClient(simulator.url), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    simulator.fault("gzip_bomb", path=path, megabytes=150)
    with pytest.raises(ComfyUIUnreachable, match=f"{path} answers with more than 33554432 bytes"):
        READS[path](client)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 * 1024
    client.close()


@BOTH
def test_a_prompt_whose_history_is_too_large_has_ended_and_says_why(simulator: RunningSimulator) -> None:
    client = ComfyUIClient(simulator.url)
    run(simulator, "6f1d0b3a-58a7-4f6c-9a43-0d7a53b4c111", noise())
    simulator.fault("gzip_bomb", path="/history/", megabytes=300)
    found = client.locate("6f1d0b3a-58a7-4f6c-9a43-0d7a53b4c111")
    assert isinstance(found, Finished)
    assert isinstance(found.error, OutputTooLarge)
    client.close()


def test_an_output_that_comes_too_slowly_ends_and_a_large_one_may_take_its_time(tmp_path: Path) -> None:
    def slowly(connection: socket.socket, _: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 200\r\n\r\n")
        for _piece in range(20):
            connection.sendall(b"x" * 10)
            time.sleep(0.05)

    with raw_server(slowly) as url:
        client = ComfyUIClient(url)
        client.download(OUTPUT, tmp_path / "file", Pace(least_bytes=10, within_s=0.5))
        assert (tmp_path / "file").read_bytes() == b"x" * 200
        with pytest.raises(ComfyUIUnreachable, match=r"longer than 0\.5 s"):
            client.download(OUTPUT, tmp_path / "file", Pace(least_bytes=1000, within_s=0.5))
        client.close()


@BOTH
def test_an_output_beyond_the_limit_is_not_kept(simulator: RunningSimulator, tmp_path: Path) -> None:
    client = ComfyUIClient(simulator.url)
    client.largest_output = MEBIBYTE
    run(simulator, "6f1d0b3a-58a7-4f6c-9a43-0d7a53b4c111", noise())
    found = client.locate("6f1d0b3a-58a7-4f6c-9a43-0d7a53b4c111")
    assert isinstance(found, Finished)
    (file,) = found.outputs
    assert isinstance(file, OutputFile)
    simulator.fault("padded_file", megabytes=3)
    with pytest.raises(OutputTooLarge, match="has more than 1048576 bytes"):
        client.download(file, tmp_path / "file")
    assert (tmp_path / "file").stat().st_size < 2 * MEBIBYTE
    client.close()


def test_an_output_that_breaks_off_is_damaged_and_a_local_disk_that_fails_is_ours(tmp_path: Path) -> None:
    with raw_server(says(f"{OK}\nContent-Length: 99", b"half")) as url:
        client = ComfyUIClient(url)
        with pytest.raises(OutputCorrupt):
            client.download(OUTPUT, tmp_path / "file")
        with pytest.raises(StorageUnavailable, match=r"the worker's own disk: No such file or directory$"):
            client.download(OUTPUT, tmp_path / "nowhere" / "file")
        client.close()


def test_a_servers_cookies_are_not_kept() -> None:
    heard: list[bytes] = []

    def setting(connection: socket.socket, request: bytes) -> None:
        heard.append(request)
        says(f"{OK}\nSet-Cookie: a{len(heard)}=b; Path=/", b"{}")(connection, request)

    with raw_server(setting) as url:
        client = ComfyUIClient(url)
        for _ in range(2):
            client.get("/queue")
        client.close()
    assert b"cookie" not in heard[1].lower()

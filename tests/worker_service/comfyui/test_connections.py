"""Connections to a server are used again, and none is on which something else than the next answer could come."""

import gzip
import socket
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from shared.configuration.server_urls import server_url
from shared.jobs.errors import ComfyUIUnreachable
from tests.raw_server import Play, RawServer, answer, playing
from worker_service.comfyui.client import ComfyUIClient
from worker_service.comfyui.connection import Bounds
from worker_service.comfyui.http import connections
from worker_service.comfyui.http.connections import MOST

EMPTY = answer(b"{}")
OF_CHUNKS = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1;x=y\r\n}\r\n0\r\nX: y\r\n\r\n"


def saying(*said: bytes) -> Play:
    """One answer to each request on a connection; the last of them is said again and again."""

    def play(connection: socket.socket, _heard: bytes) -> None:
        answers = iter(said)
        last = next(answers)
        while True:
            connection.sendall(last)
            last = next(answers, last)
            heard = b""
            while b"\r\n\r\n" not in heard:
                if not (more := connection.recv(65536)):
                    return
                heard += more

    return play


@contextmanager
def asked(play: Play) -> Iterator[tuple[ComfyUIClient, RawServer]]:
    with playing(play) as server:
        client = ComfyUIClient(server.url)
        yield client, server
        client.close()


FOLLOWED: dict[str, bytes] = {
    "a length": EMPTY,
    "chunks": OF_CHUNKS,
    "an interim answer before": b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + EMPTY,
    "packed": answer(gzip.compress(b"{}"), Content_Encoding="gzip"),
    "the older protocol, kept open": EMPTY.replace(b"HTTP/1.1 200 OK", b"HTTP/1.0 200 OK\r\nConnection: keep-alive"),
    "a length that is said twice": EMPTY.replace(b"\r\n\r\n", b"\r\nContent-Length: 2\r\n\r\n"),
    "a status without a reason": EMPTY.replace(b" OK", b""),
}


@pytest.mark.parametrize("what", FOLLOWED)
def test_a_connection_is_used_again_behind(what: str) -> None:
    with asked(saying(FOLLOWED[what])) as (client, server):
        assert [client.get("/queue") for _ in range(3)] == [{}] * 3
        assert len(server.asked) == 1


LAST: dict[str, bytes] = {
    "a wish to close": answer(b"{}", Connection="close"),
    "the older protocol": EMPTY.replace(b"HTTP/1.1", b"HTTP/1.0"),
    "more than its length": EMPTY + b'HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n{"not": "so"}',
    "a blank line too much": EMPTY + b"\r\n",
}


@pytest.mark.parametrize("what", LAST)
def test_a_connection_is_not_used_again_behind(what: str) -> None:
    with asked(saying(LAST[what])) as (client, server):
        assert [client.get("/queue") for _ in range(3)] == [{}] * 3
        assert len(server.asked) == 3


def test_a_connection_whose_answer_was_not_read_to_its_end_is_not_used_again() -> None:
    with asked(saying(answer(b"x", "401 Unauthorized"), answer(b'{"not": "so"}'))) as (client, server):
        for _ in range(2):
            with pytest.raises(ComfyUIUnreachable, match="asks for credentials"):
                client.get("/queue")
        assert len(server.asked) == 2


def test_a_connection_that_the_server_has_closed_meanwhile_costs_no_request() -> None:
    closed = threading.Event()

    def once(connection: socket.socket, _heard: bytes) -> None:
        connection.sendall(EMPTY)
        connection.close()
        closed.set()

    with asked(once) as (client, server):
        for _ in range(3):
            assert client.get("/queue") == {}
            assert closed.wait(10)
            closed.clear()
        assert len(server.asked) == 3


def test_a_request_is_not_sent_twice_where_its_connection_breaks() -> None:
    def breaking(connection: socket.socket, _heard: bytes) -> None:
        connection.sendall(EMPTY)
        connection.recv(65536)  # the second request, which gets no answer

    with asked(breaking) as (client, server):
        client.get("/queue")
        with pytest.raises(ComfyUIUnreachable, match="without a head that is HTTP"):
            client.take_out("p")
        assert len(server.asked) == 1


def test_an_idle_connection_is_closed_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "KEPT_FOR_S", 0.0)
    with asked(saying(EMPTY)) as (client, server):
        assert [client.get("/queue") for _ in range(2)] == [{}] * 2
        assert len(server.asked) == 2


def test_many_threads_share_a_bounded_number_of_connections() -> None:
    with asked(saying(EMPTY)) as (client, server), ThreadPoolExecutor(2 * MOST) as threads:
        found = list(threads.map(lambda _: client.get("/queue"), range(20 * MOST)))
        assert found == [{}] * (20 * MOST)
        assert 1 <= len(server.asked) <= MOST
        assert len(client.connection.connections.idle) <= MOST


def test_who_finds_all_connections_in_use_waits_no_longer_than_allowed() -> None:
    with asked(saying(EMPTY)) as (client, _server):
        for _ in range(MOST):
            assert client.connection.connections.free.acquire(timeout=1)
        with pytest.raises(ComfyUIUnreachable, match="32 requests to it are under way"):
            client.ask("GET", "/queue", bounds=Bounds(1024, within_s=0.1))
        client.connection.connections.free.release(MOST)
        assert client.get("/queue") == {}


NONE: dict[str, bytes] = {
    "two lengths": EMPTY.replace(b"\r\n\r\n", b"\r\nContent-Length: 3\r\n\r\n"),
    "a length below nothing": b"HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\n{}",
    "a length in words": b"HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\n{}",
    "a coding that nobody knows": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "a header without a name": b"HTTP/1.1 200 OK\r\nnothing\r\nContent-Length: 2\r\n\r\n{}",
    "a chunk of no size": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n{}\r\n0\r\n\r\n",
    "a chunk without its end": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n{}",
    "a chunk that ends too late": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{}\r\n0\r\n\r\n",
    "half a body": b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{}",
    "another protocol": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
    "no status": b"HTTP/1.1 \r\n\r\n",
    "a status in words": b"HTTP/1.1 OK OK\r\n\r\n",
    "a status of four digits": b"HTTP/1.1 2000 OK\r\nContent-Length: 2\r\n\r\n{}",
    "another version": b"HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    "no HTTP": b"SSH-2.0-OpenSSH_9.6\r\n",
    "nothing": b"",
    "a line of a megabyte": b"HTTP/1.1 200 OK\r\nX: " + b"x" * 1_000_000 + b"\r\n\r\n",
}


@pytest.mark.parametrize("what", NONE)
def test_an_answer_that_is_not_http_is_none(what: str) -> None:
    def play(connection: socket.socket, _heard: bytes) -> None:
        connection.sendall(NONE[what])
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):
            pass

    with asked(play) as (client, server):
        with pytest.raises(ComfyUIUnreachable):
            client.get("/queue")
        assert len(server.asked) == 1
        assert not client.connection.connections.idle


HEADERS: dict[str, Mapping[str, str]] = {
    "a line more": {"X-Key": "a\r\nX-Other: b"},
    "an end": {"X-Key": "a\r\n\r\nGET / HTTP/1.1"},
    "a name with a line": {"X-Key: a\r\nX-Other": "b"},
    "a name with a space": {"X Key": "a"},
    "nothing as its name": {"": "a"},
    "other than ASCII": {"X-Key": "ü"},
}


@pytest.mark.parametrize("what", HEADERS)
def test_a_header_that_would_be_more_than_one_is_not_sent(what: str) -> None:
    with playing(saying(EMPTY)) as server:
        url = server_url(server.url)
        url.headers = HEADERS[what]
        client = ComfyUIClient(url)
        with pytest.raises(ComfyUIUnreachable, match="has characters that no request can have"):
            client.get("/queue")
        client.close()
        assert not server.asked


def test_the_host_and_the_path_are_said_as_the_url_has_them() -> None:
    with playing(saying(EMPTY)) as server:
        for url, line in (
            (f"http://localhost:{server.port}/a b/ü/", "GET /a%20b/%C3%BC/queue HTTP/1.1"),
            (f"http://127.0.0.1:{server.port}", "GET /queue HTTP/1.1"),
        ):
            client = ComfyUIClient(url)
            assert client.get("/queue") == {}
            client.close()
            first, *headers = server.asked[-1].decode().split("\r\n")
            assert first == line
            assert f"Host: {url.split('/')[2]}" in headers


def test_a_host_that_no_name_can_be_is_one_that_does_not_answer() -> None:
    for host in ("a..b", "x" * 100, "nowhere.invalid"):
        client = ComfyUIClient(f"http://{host}:8188")
        with pytest.raises(ComfyUIUnreachable, match="cannot be connected to"):
            client.get("/queue")
        client.close()


def test_a_server_where_nobody_listens_is_known_to_have_taken_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    client = ComfyUIClient(f"http://127.0.0.1:{port}")
    with pytest.raises(ComfyUIUnreachable) as caught:
        client.get("/queue")
    assert caught.value.refused
    client.close()

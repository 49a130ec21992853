"""A server is asked by TLS on connections that stay open, and through a proxy where the environment names one."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from shared.jobs.errors import ComfyUIUnreachable
from tests.certificates import certificate
from tests.raw_server import RawServer, answer, playing
from tests.tls_front import pass_on, tls_front
from tests.worker_service.comfyui.test_connections import EMPTY, saying
from worker_service.comfyui.client import ComfyUIClient

LOGIN = "Proxy-Authorization: Basic YW5uOnNlY3JldCA="  # ann, and "secret "


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for scheme in ("http", "https", "all", "no"):
        monkeypatch.delenv(f"{scheme}_proxy", raising=False)
        monkeypatch.delenv(f"{scheme.upper()}_PROXY", raising=False)


@contextmanager
def tunnelling(port: int, refusal: bytes = b"") -> Iterator[RawServer]:
    """A proxy that connects whoever asks to this port."""

    def play(connection: socket.socket, _heard: bytes) -> None:
        if refusal:
            connection.sendall(refusal)
            return
        with socket.create_connection(("127.0.0.1", port)) as behind:
            connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=pass_on, args=[behind, connection], daemon=True)
            back.start()
            pass_on(connection, behind)
            back.join()

    with playing(play) as proxy:
        yield proxy


@contextmanager
def encrypted(folder: Path) -> Iterator[tuple[int, RawServer, ssl.SSLContext]]:
    made = certificate(folder, "localhost")
    with playing(saying(EMPTY)) as server, tls_front(server.port, made) as port:
        yield port, server, ssl.create_default_context(cafile=str(made.certificate))


def test_a_connection_by_tls_is_used_again(tmp_path: Path) -> None:
    with encrypted(tmp_path) as (port, server, tls):
        client = ComfyUIClient(f"https://localhost:{port}", tls)
        assert [client.get("/queue") for _ in range(3)] == [{}] * 3
        assert len(server.asked) == 1
        client.close()


def test_a_certificate_of_nobody_is_not_spoken_to(tmp_path: Path) -> None:
    with encrypted(tmp_path) as (port, server, _tls):
        client = ComfyUIClient(f"https://localhost:{port}")
        with pytest.raises(ComfyUIUnreachable, match="CA_FILE names a file"):
            client.get("/queue")
        assert not any(server.asked)
        client.close()


def test_a_proxy_is_asked_for_what_is_not_encrypted(monkeypatch: pytest.MonkeyPatch) -> None:
    with playing(saying(EMPTY)) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://ann:secret%20@127.0.0.1:{proxy.port}")
        client = ComfyUIClient("http://gpu.invalid:8188/comfy")
        assert [client.get("/queue") for _ in range(2)] == [{}] * 2
        (heard,) = proxy.asked
        first, *headers = heard.decode().split("\r\n")
        assert first == "GET http://gpu.invalid:8188/comfy/queue HTTP/1.1"
        assert {"Host: gpu.invalid:8188", LOGIN} <= set(headers)
        client.close()


def test_a_proxy_does_not_hear_what_is_encrypted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with encrypted(tmp_path) as (port, server, tls), tunnelling(port) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"ann:secret%20@127.0.0.1:{proxy.port}")
        client = ComfyUIClient(f"https://localhost:{port}", tls)
        assert [client.get("/queue") for _ in range(2)] == [{}] * 2
        (heard,), (within,) = proxy.asked, server.asked
        assert heard.decode().split("\r\n")[0] == f"CONNECT localhost:{port} HTTP/1.1"
        assert LOGIN in heard.decode()
        assert "Proxy-Authorization" not in within.decode()
        client.close()


def test_a_proxy_that_lets_nobody_through_is_a_server_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    refusal = answer(b"no", "407 Proxy Authentication Required")
    with tunnelling(0, refusal) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        client = ComfyUIClient("https://gpu.invalid")
        with pytest.raises(ComfyUIUnreachable, match="the proxy on the way there answers 407"):
            client.get("/queue")
        client.close()


@pytest.mark.parametrize("named", ["*", "127.0.0.1", "127.0.0.1:{port}"])
def test_a_proxy_is_passed_by_for_hosts_that_need_none(monkeypatch: pytest.MonkeyPatch, named: str) -> None:
    with playing(saying(EMPTY)) as server:
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
        monkeypatch.setenv("NO_PROXY", named.format(port=server.port))
        client = ComfyUIClient(server.url)
        assert client.get("/queue") == {}
        client.close()

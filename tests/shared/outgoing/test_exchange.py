"""A guarded request: it reaches the address that was looked at, and every answer has a bound in bytes and in time."""

import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from shared.outgoing.allowed import allowed_by
from shared.outgoing.deadline import Deadline
from shared.outgoing.exchange import Asked, Outgoing
from shared.outgoing.failures import NoAnswer, NotAllowed
from tests.certificates import certificate
from tests.raw_server import RawServer, answer, raw_server

HERE = allowed_by(["127.0.0.1"])
SOON = timedelta(seconds=20)
AT_ONCE = timedelta(seconds=0.3)


def ask(url: str, outgoing: Outgoing | None = None, within: timedelta = SOON, **asked: object) -> tuple[int, bytes]:
    with (outgoing or Outgoing(HERE)).ask(Asked(url, **asked), Deadline(within)) as found:  # type: ignore[arg-type]
        return found.status_code, b"".join(found.pieces())


def test_an_answer_comes_in_pieces(tmp_path: Path) -> None:
    body = bytes(range(256)) * 4000
    with raw_server(answer(body)) as server:
        assert ask(f"{server.url}/a?b=c") == (200, body)
    head = server.asked[0].decode().splitlines()
    assert head[0] == "GET /a?b=c HTTP/1.1"
    assert f"Host: 127.0.0.1:{server.port}" in head
    assert not [line for line in head if line.lower().startswith(("authorization", "cookie"))]


def test_a_body_is_sent_as_it_is() -> None:
    with raw_server(answer(b"", "204 No Content")) as server:
        assert ask(server.url, method="POST", body=b'{"a": 1}', headers={"Content-Type": "application/json"}) == (
            204,
            b"",
        )
    assert server.asked[0].endswith(b'\r\n\r\n{"a": 1}')
    assert b"Content-Length: 8\r\n" in server.asked[0]


def test_a_chunked_answer_is_put_together() -> None:
    with raw_server(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n") as server:
        assert ask(server.url) == (200, b"abcde")


@pytest.mark.parametrize("before", [b"100 Continue", b"102 Processing", b"103 Early Hints\r\nLink: </a>"])
def test_what_says_that_the_answer_is_yet_to_come_is_passed_over(before: bytes) -> None:
    with raw_server(b"HTTP/1.1 %b\r\n\r\n" % before * 2 + answer(b"there")) as server:
        assert ask(server.url) == (200, b"there")


def test_a_redirect_is_an_answer_and_not_followed() -> None:
    with raw_server(answer(b"", "302 Found", Location="http://127.0.0.1:1/")) as server:
        assert ask(server.url)[0] == 302
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" * 100_000,
        b"HTTP/1.1 103 Early Hints\r\n\r\n" * 100_000,
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\nabc",
    ],
)
def test_what_is_no_whole_answer_is_none(said: bytes) -> None:
    with raw_server(said) as server, pytest.raises(NoAnswer):
        ask(server.url)


def dragging(connection: socket.socket) -> None:
    """A byte at a time, for ever, so that no single wait is long."""
    pause = threading.Event()
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        connection.sendall(b"1")
        pause.wait(0.05)


def silent(connection: socket.socket) -> None:
    connection.recv(1)


def endless(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        connection.sendall(b"0" * 65536)


@pytest.mark.parametrize("say", [dragging, silent, endless])
def test_an_answer_that_does_not_end_is_waited_for_no_longer_than_allowed(say: object) -> None:
    with raw_server(say) as server, pytest.raises(NoAnswer, match=r"within 0\.3 s"):  # type: ignore[arg-type]
        ask(server.url, within=AT_ONCE)


def test_whoever_waits_can_be_told_to_give_up() -> None:
    deadline = Deadline(timedelta(minutes=5))
    with raw_server(silent) as server, pytest.raises(NoAnswer, match="given up"):
        threading.Timer(0.1, deadline.give_up).start()
        with Outgoing(HERE).ask(Asked(server.url), deadline):
            pass


def test_a_name_that_nobody_looks_up_in_time_is_not_waited_for() -> None:
    forever = threading.Event()

    def resolve(_host: str, _port: int) -> list[str]:
        forever.wait(60)
        return []

    with pytest.raises(NoAnswer):
        ask("https://example.com/", Outgoing(HERE, resolve=resolve), AT_ONCE)
    forever.set()


def test_a_port_where_nobody_listens_is_no_answer() -> None:
    with raw_server(b"") as server:
        pass
    with pytest.raises(NoAnswer, match="could not be connected to"):
        ask(server.url)


@pytest.mark.parametrize("found", [["127.0.0.1"], ["93.184.216.34", "10.0.0.1"], ["::1"], ["fe80::1%lo"], ["?"], []])
def test_a_name_with_any_address_that_is_not_public_is_not_asked(found: list[str]) -> None:
    with pytest.raises(NotAllowed, match="public addresses only"):
        ask("https://example.com/", Outgoing(allowed_by([]), resolve=lambda *_: found))


@pytest.mark.parametrize("host", ["localhost", "127.1", "2130706433", "0x7f000001", "[::1]", "[::ffff:127.0.0.1]", "0"])
def test_this_machine_is_not_asked_however_it_is_written(host: str) -> None:
    with pytest.raises(NotAllowed):
        ask(f"https://{host}/", Outgoing(allowed_by([])))


# -- TLS --------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def encrypted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RawServer, Path]]:
    """A server with a certificate of its own for files.lan, and the file of that certificate."""
    made = certificate(tmp_path_factory.mktemp("tls"), "files.lan")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.certificate, made.key)
    with raw_server(answer(b"secret"), lambda one: context.wrap_socket(one, server_side=True)) as server:
        yield server, made.certificate


def looked_up(times: list[str]) -> Outgoing:
    def resolve(host: str, _port: int) -> list[str]:
        times.append(host)
        return ["127.0.0.1"] if len(times) == 1 else ["10.0.0.1"]

    return Outgoing(allowed_by(["*.lan"]), resolve=resolve)


def test_the_address_that_was_looked_at_is_connected_to_and_the_name_is_said(
    encrypted: tuple[RawServer, Path],
) -> None:
    server, trusted = encrypted
    times: list[str] = []
    outgoing = looked_up(times)
    outgoing.tls = ssl.create_default_context(cafile=str(trusted))
    assert ask(f"https://files.lan:{server.port}/", outgoing) == (200, b"secret")
    assert times == ["files.lan"]
    assert f"Host: files.lan:{server.port}\r\n".encode() in server.asked[-1]


def test_a_certificate_of_another_name_or_of_nobody_is_refused(encrypted: tuple[RawServer, Path]) -> None:
    server, trusted = encrypted
    another = looked_up([])
    another.tls = ssl.create_default_context(cafile=str(trusted))
    for url, outgoing in (
        (f"https://other.lan:{server.port}/", another),
        (f"https://files.lan:{server.port}/", looked_up([])),
    ):
        with pytest.raises(NoAnswer, match="certificate that does not hold"):
            ask(url, outgoing)


def test_a_server_without_tls_is_not_asked_by_https() -> None:
    with raw_server(answer(b"")) as server, pytest.raises(NoAnswer, match="by TLS"):
        ask(f"https://127.0.0.1:{server.port}/")

"""A link passes on what comes, and slows, stalls, cuts or refuses it when told to."""

import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from tests.chaos.proxy import Link, links
from tests.simulator.running import eventually

PATIENCE_S = 10.0


@pytest.fixture
def echo() -> Iterator[int]:
    """The port of a server that sends back what it is sent."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=serve, args=[server], daemon=True).start()
        yield server.getsockname()[1]
        # Closing alone does not wake who waits in `accept`.
        socket.create_connection(server.getsockname(), PATIENCE_S).close()


def serve(server: socket.socket) -> None:
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        threading.Thread(target=answer, args=[connection], daemon=True).start()


def answer(connection: socket.socket) -> None:
    with connection:
        try:
            while data := connection.recv(4096):
                connection.sendall(data)
        except OSError:
            return


@pytest.fixture
def link(echo: int) -> Iterator[Link]:
    with links() as make:
        yield make(echo)


def connected(link: Link) -> socket.socket:
    return socket.create_connection(("127.0.0.1", link.port), PATIENCE_S)


def said(connection: socket.socket, words: bytes) -> bytes:
    connection.sendall(words)
    return heard(connection, len(words))


def heard(connection: socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size and (more := connection.recv(size - len(found))):
        found += more
    return found


def test_what_comes_in_goes_out_on_both_sides(link: Link) -> None:
    with connected(link) as one, connected(link) as other:
        large = b"x" * 1_000_000
        reader = threading.Thread(target=one.sendall, args=[large])
        reader.start()
        assert heard(one, len(large)) == large
        reader.join()
        assert said(other, b"hello") == b"hello"


def test_an_end_is_passed_on(link: Link) -> None:
    with connected(link) as connection:
        assert said(connection, b"hello") == b"hello"
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1) == b""


def test_a_slow_link_takes_its_time(link: Link) -> None:
    link.slow(0.2)
    with connected(link) as connection:
        began = time.monotonic()
        assert said(connection, b"hello") == b"hello"
        assert time.monotonic() - began >= 0.4, "there and back"


def test_a_stalled_link_holds_back_and_loses_nothing(link: Link) -> None:
    with connected(link) as connection:
        assert said(connection, b"before") == b"before"
        link.stall()
        connection.settimeout(0.3)
        with pytest.raises(TimeoutError):
            said(connection, b"hello")
        link.flow()
        connection.settimeout(PATIENCE_S)
        assert heard(connection, 5) == b"hello"


def broken(connection: socket.socket) -> bool:
    try:
        return connection.recv(1) == b""
    except OSError:
        return True


def test_a_cut_breaks_what_is_open_and_no_more(link: Link) -> None:
    with connected(link) as connection:
        assert said(connection, b"before") == b"before"
        link.cut()
        assert broken(connection)
    with connected(link) as connection:
        assert said(connection, b"after") == b"after"


def refused(connect: Callable[[], socket.socket]) -> bool:
    try:
        connect().close()
    except ConnectionRefusedError:
        return True
    return False


def test_a_link_that_refuses_does_so_as_if_nobody_were_there_and_listens_again_on_its_port(link: Link) -> None:
    with connected(link) as connection:
        assert said(connection, b"before") == b"before"
        link.refuse()
        assert broken(connection)
    eventually(lambda: refused(lambda: connected(link)))
    port = link.port
    link.listen()
    assert link.port == port
    with connected(link) as connection:
        assert said(connection, b"after") == b"after"


def test_a_link_to_nobody_breaks_off() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        nobody = server.getsockname()[1]
    with links() as make, connected(make(nobody)) as connection:
        assert broken(connection)

"""Who has a port, and which one a server gets."""

import os
import socket
import subprocess
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import pytest

from deploy.local.ports import (
    KeptPorts,
    NoSuchAddress,
    PortTaken,
    free_ports,
    is_free,
    listens,
    must_be_free,
    start_on_a_free_port,
)
from deploy.local.process import ProcessFailed


def test_a_port_that_somebody_listens_on_is_refused_with_one_to_take_instead() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert not is_free(port)
        with pytest.raises(PortTaken, match=rf"Port {port} of 127\.0\.0\.1 is taken by another program") as caught:
            must_be_free(port, "127.0.0.1", "API_PORT_DEV")
        assert f"API_PORT_DEV={caught.value.instead} make up" in str(caught.value)
        assert is_free(caught.value.instead)
    must_be_free(port, "127.0.0.1", "API_PORT")


@pytest.mark.parametrize("host", ["192.0.2.1", "nowhere.invalid"])
def test_an_address_that_is_not_ours_is_refused_with_the_reason(host: str) -> None:
    with pytest.raises(NoSuchAddress, match=f"^API_HOST: {host} cannot be listened on: "):
        must_be_free(next(free_ports()), host, "API_PORT")


LISTENER = """
import socket, time
with socket.create_server(("127.0.0.1", 0)) as listener:
    print(listener.getsockname()[1], flush=True)
    time.sleep(120)
"""


@pytest.mark.system
def test_a_port_is_a_processs_own_only_if_that_very_process_listens_there(
    launch: Callable[..., "subprocess.Popen[str]"],
) -> None:
    other = launch(LISTENER)
    assert other.stdout
    port = int(other.stdout.readline())
    assert listens(other.pid, port)
    assert not listens(os.getpid(), port)
    other.kill()
    other.wait()
    assert not listens(other.pid, port)


def test_a_server_gets_the_port_it_had_unless_somebody_has_taken_it(tmp_path: Path) -> None:
    kept = KeptPorts(tmp_path / "up" / "ports")
    port = next(kept.of("simulator"))
    kept.keep("simulator", port)
    kept.keep("postgres", port + 1)
    again = KeptPorts(tmp_path / "up" / "ports")
    assert list(islice(again.of("simulator"), 2)) == [port, port]
    with socket.create_server(("127.0.0.1", port)):
        assert next(again.of("simulator")) != port


@pytest.mark.parametrize("text", ["", "{", "[]", '{"simulator": "x"}', '{"simulator": 70000}'])
def test_a_file_that_makes_no_sense_is_no_obstacle(tmp_path: Path, text: str) -> None:
    (tmp_path / "ports").write_text(text)
    assert is_free(next(KeptPorts(tmp_path / "ports").of("simulator")))


def test_where_all_ports_are_taken_the_last_failure_is_told() -> None:
    def start(port: int) -> None:
        raise ProcessFailed(f"server {port}", "ended with code 1", "Address already in use")

    with pytest.raises(ProcessFailed, match="server 2 ended"):
        start_on_a_free_port(start, iter([1, 2]))

"""A real Valkey is started, answers on each of its databases, and writes nothing to disk."""

from itertools import chain, repeat
from pathlib import Path

import pytest
import redis

from deploy.local.ports import free_ports
from deploy.local.process import ProcessFailed
from deploy.local.valkey import Valkey
from tests.deploy_local.watching import gone

pytestmark = pytest.mark.system


def client(url: str) -> redis.Redis:
    return redis.Redis.from_url(url, decode_responses=True, socket_timeout=5)


def test_it_answers_on_sixteen_databases(folder: Path) -> None:
    with Valkey.start(folder / "valkey", folder / "log") as server:
        for database in range(16):
            with client(server.url(database)) as one:
                one.set("database", database)
        with client(server.url(3)) as third:
            assert third.get("database") == "3"
        with client(server.url(16)) as beyond, pytest.raises(redis.ResponseError):
            beyond.ping()
    assert gone(server.process.pid)


def test_it_listens_on_the_loopback_and_writes_nothing(folder: Path) -> None:
    with Valkey.start(folder / "valkey", folder / "log") as server, client(server.url()) as one:
        one.set("key", "value")
        assert one.config_get("bind") == {"bind": "127.0.0.1"}
        assert one.config_get("save") == {"save": ""}
        assert one.config_get("appendonly") == {"appendonly": "no"}
    assert list((folder / "valkey").iterdir()) == []


def test_a_password_is_wanted_where_one_is_set(folder: Path) -> None:
    password = 'a "b\\ c/@'
    with Valkey.start(folder / "with space", folder / "log", password=password) as server:
        with client(server.url(1)) as one:
            assert one.ping()
        with client(f"redis://127.0.0.1:{server.port}/1") as stranger, pytest.raises(redis.AuthenticationError):
            stranger.ping()
        with client(f"redis://:wrong@127.0.0.1:{server.port}/1") as stranger, pytest.raises(redis.AuthenticationError):
            stranger.ping()


def test_a_port_taken_by_another_valkey_is_given_up(folder: Path) -> None:
    with Valkey.start(folder / "first", folder / "first.log") as first:
        ports = chain(repeat(first.port, 2), free_ports())
        with Valkey.start(folder / "second", folder / "second.log", ports=ports) as second:
            assert second.port != first.port
            with client(second.url()) as one:
                assert one.info("server")["process_id"] == second.process.pid


def test_a_server_that_cannot_start_shows_its_log(folder: Path) -> None:
    with pytest.raises(ProcessFailed, match=r"valkey ended with code 1(.|\n)*port 70000"):
        Valkey.start(folder / "valkey", folder / "log", ports=iter([70000]))

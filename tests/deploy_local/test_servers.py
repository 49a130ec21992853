"""Both servers in one call: those that the environment names, or ones that end with their launcher."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import redis

from deploy.local.postgres import Postgres, connected
from deploy.local.servers import local_servers
from tests.deploy_local.watching import PATIENCE_S, gone, until

pytestmark = pytest.mark.system

PATH = os.environ.get("PATH", os.defpath)


def test_servers_that_the_environment_names_are_used_and_none_started(folder: Path) -> None:
    environ = {"DATABASE_URL": "postgresql+psycopg2://a:b@db.test/c", "REDIS_URL": "redis://redis.test:6379/2"}
    with local_servers(folder / "servers", durable=False, environ=environ) as servers:
        assert servers.database_url == environ["DATABASE_URL"]
        assert servers.redis_url == environ["REDIS_URL"]
        assert servers.redis(3) == "redis://redis.test:6379/3"
        assert (servers.postgres, servers.valkey) == (None, None)
    assert not (folder / "servers").exists()


def test_the_one_that_the_environment_does_not_name_is_started(postgres: Postgres, folder: Path) -> None:
    environ = {"DATABASE_URL": postgres.url(), "REDIS_URL": "", "PATH": PATH}
    with local_servers(folder, durable=False, environ=environ) as servers:
        assert servers.database_url == postgres.url()
        assert not (folder / "postgres").exists()
        with redis.Redis.from_url(servers.redis(3)) as client:
            assert client.ping()
        with connected(servers.create_database("beside")) as connection:
            assert connection.info.dbname == "beside"
        servers.drop_database("beside")


def test_both_are_started_with_a_database(folder: Path) -> None:
    with local_servers(folder, durable=False, environ={"PATH": PATH}, database="genonaut_test") as servers:
        with connected(servers.database_url) as connection:
            assert connection.info.dbname == "genonaut_test"
        assert servers.postgres
        assert servers.valkey
        processes = servers.postgres.process, servers.valkey.process
        assert all(process.running for process in processes)
    assert all(gone(process.pid) for process in processes)


LAUNCHER = """
import sys, time
from pathlib import Path
from deploy.local.servers import local_servers
with local_servers(Path(sys.argv[1]), durable=False, environ={}) as servers:
    for process in (servers.postgres.process, servers.valkey.process):
        print(process.pid, process.guard.pid, end=" ")
    print(flush=True)
    time.sleep(120)
"""


def test_neither_outlives_a_killed_launcher(launch: Callable[..., "subprocess.Popen[str]"], folder: Path) -> None:
    launcher = launch(LAUNCHER, str(folder / "servers"))
    assert launcher.stdout
    pids = [int(pid) for pid in launcher.stdout.readline().split()]
    assert len(pids) == 4
    launcher.kill()
    launcher.wait(PATIENCE_S)
    # At once: what the last launcher left is still stopping, and its folder is waited for.
    with local_servers(folder / "servers", durable=False, environ={}) as servers:
        assert servers.postgres
        assert servers.postgres.process.running
    until(lambda: all(map(gone, pids)))

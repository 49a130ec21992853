"""The replica of Compose and Kubernetes copies its primary, follows it, and takes up a new password as it starts."""

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import psycopg2
import pytest

from deploy.local.cluster import USER, Cluster
from deploy.local.ports import free_ports
from deploy.local.postgres import SETTINGS, Postgres, connected, server_url
from deploy.local.process import Command, Process
from deploy.local.programs import Account
from shared.configuration.settings import load_settings
from shared.database.engine import create_engine
from shared.database.replica import position_of, replica_of
from tests.deploy_local.watching import until
from tests.lodgings import lodging, remove_lodgings
from tests.replicas import plain, tell_to_commit_at_once

pytestmark = pytest.mark.system

FOLDER = Path(__file__).parents[2] / "deploy" / "postgres"
GRACE_S = 30.0
MADE = """
CREATE TABLE lists (name text);
INSERT INTO lists VALUES ('first');
CREATE ROLE one LOGIN REPLICATION PASSWORD 'first';
CREATE ROLE another LOGIN REPLICATION PASSWORD 'it''s new';
"""


class Place(NamedTuple):
    """Where the script runs, as whom, and beside which of PostgreSQL's programs."""

    cluster: Cluster
    account: Account | None
    port: int

    @property
    def url_file(self) -> Path:
        return self.cluster.home / "url"

    def write_url(self, url: str) -> None:
        self.url_file.write_text(plain(url))
        if self.account:
            self.account.take(self.cluster.home)

    def url(self) -> str:
        return server_url(self.cluster, self.port, "postgres")

    @contextmanager
    def running(self, log: Path) -> Iterator[Process]:
        """`replica.sh`, as Compose runs it but for addresses."""
        script = shutil.copy(FOLDER / "replica.sh", self.cluster.home)
        settings = SETTINGS | {"port": str(self.port)}
        command = Command(
            name="replica",
            arguments=("/bin/sh", str(script), *(word for one in settings.items() for word in ("-c", "=".join(one)))),
            log=log,
            cwd=self.cluster.home,
            environ={
                "PATH": f"{self.cluster.postgres.parent}:{os.defpath}",
                "PGDATA": str(self.cluster.data),
                "PRIMARY_URL_FILE": str(self.url_file),
            },
            owner=(self.account.uid, self.account.gid) if self.account else None,
            grace_s=GRACE_S,
        )
        process = Process.start(command)
        try:
            yield process
        finally:
            process.stop()


@pytest.fixture(scope="module")
def primary(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """With the rules of Compose's."""
    folder = tmp_path_factory.mktemp("primary")
    with ExitStack() as ending:
        ending.callback(remove_lodgings, folder)
        started = ending.enter_context(Postgres.start(folder / "data", folder / "log", durable=False))
        (started.cluster.data / "pg_hba.conf").write_text((FOLDER / "pg_hba.conf").read_text())
        run(started.url(), "SELECT pg_reload_conf()")
        tell_to_commit_at_once(started)
        yield started


@pytest.fixture
def place(primary: Postgres, tmp_path: Path) -> Iterator[Place]:
    with ExitStack() as ending:
        ending.callback(remove_lodgings, tmp_path)
        home, account = ending.enter_context(lodging(tmp_path / "replica"))
        cluster = Cluster(home, primary.cluster.postgres, account, primary.cluster.password, made=True)
        yield Place(cluster, account, next(free_ports()))


def run(url: str, statement: str) -> None:
    with connected(url) as connection, connection.cursor() as cursor:
        cursor.execute(statement)


def names(url: str) -> list[str]:
    """What the replica has; nothing while it does not answer."""
    try:
        with connected(url) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT name FROM lists ORDER BY name")
            return [name for (name,) in cursor.fetchall()]
    except psycopg2.Error:
        return []


def test_a_replica_follows_from_its_first_start_on_and_with_a_new_password(
    primary: Postgres, place: Place, environ: dict[str, str], tmp_path: Path
) -> None:
    run(primary.url(), MADE)
    place.write_url(url_of(primary, "one", "first"))
    place.cluster.data.with_name("data.copy").mkdir()  # what a copy that broke off has left
    with place.running(tmp_path / "log"):
        until(lambda: names(place.url()) == ["first"])
        run(primary.url(), "INSERT INTO lists VALUES ('second')")
        until(lambda: names(place.url()) == ["first", "second"])
        assert is_fit({**environ, "DATABASE_URL": primary.url(), "DATABASE_READ_URL": place.url()})
    run(primary.url(), "ALTER ROLE one NOLOGIN; INSERT INTO lists VALUES ('third')")
    place.write_url(url_of(primary, "another", "it's%20new"))
    with place.running(tmp_path / "log"):
        until(lambda: names(place.url()) == ["first", "second", "third"])
    assert "it's" not in (tmp_path / "log").read_text()


def url_of(primary: Postgres, role: str, quoted: str) -> str:
    return primary.url().replace(f"{USER}:{primary.cluster.password}@", f"{role}:{quoted}@")


def is_fit(environ: dict[str, str]) -> bool:
    """Whether an API would read from it."""
    settings = load_settings(environ)
    engine = create_engine(settings, application="test", connections=1)
    replica = replica_of(settings, application="test", connections=1)
    assert replica is not None
    try:
        return replica.lag_at(position_of(engine)) >= 0  # or it raises NotFit
    finally:
        replica.close()
        engine.dispose()

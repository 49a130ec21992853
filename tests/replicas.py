"""A real PostgreSQL and a streaming replica of it, made by pg_basebackup: stopped, frozen or kept behind by tests."""

import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
from psycopg2 import sql

from deploy.local.cluster import ENVIRON, USER, Cluster
from deploy.local.ports import free_ports, start_on_a_free_port
from deploy.local.postgres import Postgres, connected, serve, server_url
from deploy.local.process import Command, Process
from deploy.local.programs import Account
from tests.deploy_local.watching import until
from tests.lodgings import lodging, remove_lodgings

COPIED_WITHIN_S = 120.0
NOTHING_MORE = "SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn"
PAUSED = "SELECT pg_get_wal_replay_pause_state() = 'paused'"


def asked(url: str, statement: str, *values: object) -> Any:
    """The first value that a server answers."""
    with connected(url) as connection, connection.cursor() as cursor:
        cursor.execute(statement, values)
        ((value,),) = cursor.fetchall()
        return value


@dataclass
class Server:
    """A server that was made from a base backup of another one."""

    cluster: Cluster
    process: Process
    port: int
    log: Path

    def url(self, name: str) -> str:
        return server_url(self.cluster, self.port, name)

    def ask(self, statement: str, *values: object) -> Any:
        """The first value that it answers."""
        return asked(self.url("postgres"), statement, *values)

    def stop(self) -> None:
        self.process.stop()

    def serve_again(self) -> None:
        self.process = serve(self.cluster, self.log, self.port, durable=False)

    def fall_behind(self) -> None:
        """Replay nothing from now on."""
        self.ask("SELECT pg_wal_replay_pause()::text")
        until(lambda: self.ask(PAUSED))

    def catch_up(self) -> None:
        self.ask("SELECT pg_wal_replay_resume()::text")

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Its connections stay, and nothing answers there."""
        self.tell(signal.SIGSTOP)
        try:
            yield
        finally:
            self.tell(signal.SIGCONT)

    def tell(self, told: signal.Signals) -> None:
        server = psutil.Process(self.process.pid)
        for process in (server, *server.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                process.send_signal(told)


@dataclass(frozen=True)
class Pair:
    primary: Postgres
    replica: Server

    def until_replayed(self) -> None:
        """Wait until the replica has what the primary has now."""
        written = asked(self.primary.url(), "SELECT pg_current_wal_flush_lsn()")
        until(lambda: self.replica.ask(NOTHING_MORE, written))


@contextmanager
def running_pair(folder: Path) -> Iterator[Pair]:
    """Both are stopped, and gone, when the block ends."""
    with ExitStack() as ending:
        ending.callback(remove_lodgings, folder)
        primary = ending.enter_context(Postgres.start(folder / "primary", folder / "primary.log", durable=False))
        tell_to_commit_at_once(primary)
        quarters = ending.enter_context(lodging(folder / "replica"))
        replica = copied(primary, folder / "replica.log", *quarters)
        ending.callback(replica.stop)
        yield Pair(primary, replica)


def tell_to_commit_at_once(primary: Postgres) -> None:
    """Servers of tests write their WAL when they come to it, and a replica gets no more than is written."""
    with connected(primary.url()) as connection, connection.cursor() as cursor:
        cursor.execute(sql.SQL("ALTER ROLE {} SET synchronous_commit = on").format(sql.Identifier(USER)))


def copied(primary: Postgres, log: Path, home: Path, account: Account | None) -> Server:
    """A replica in `home`, run by `account`, made from a base backup."""
    cluster = Cluster(home, primary.cluster.postgres, account, primary.cluster.password, made=True)
    cluster.data.mkdir(mode=0o700)
    if account:
        account.take(cluster.data)
    run_program(cluster, log, "pg_basebackup", f"--pgdata={cluster.data}", "--checkpoint=fast", "--no-sync",
                "--write-recovery-conf", f"--dbname={plain(primary.url())}")  # fmt: skip

    def start(port: int) -> Server:
        return Server(cluster, serve(cluster, log, port, durable=False), port, log)

    return start_on_a_free_port(start, free_ports())


def run_program(cluster: Cluster, log: Path, name: str, *arguments: str) -> None:
    """Run one of PostgreSQL's programs as the account of a cluster, to its end."""
    command = Command(
        name=name,
        arguments=(str(cluster.postgres.with_name(name)), *arguments),
        log=log,
        cwd=cluster.home,
        environ=ENVIRON,
        owner=(cluster.account.uid, cluster.account.gid) if cluster.account else None,
    )
    process = Process.start(command)
    try:
        assert process.wait(COPIED_WITHIN_S) == 0, process.tail()
    finally:
        process.stop(0)


def plain(url: str) -> str:
    """A URL as PostgreSQL's own programs read it."""
    return urlsplit(url)._replace(scheme="postgresql").geturl()

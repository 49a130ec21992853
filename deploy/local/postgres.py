"""A real PostgreSQL on 127.0.0.1 serves for as long as its launcher lives, with no system package installed."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote, urlsplit

import psycopg2
from psycopg2 import extensions, sql

from deploy.local.cluster import ENVIRON, USER, Cluster, hold, prepare_cluster, remove_cluster
from deploy.local.ports import free_ports, start_on_a_free_port
from deploy.local.process import Command, Process
from deploy.local.programs import POSTGRES, Places, find

CONNECTED_WITHIN_S = 5
READY_WITHIN_S = 60.0
GRACE_S = 30.0
DRIVER = "postgresql+psycopg2"
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
}
# A crash of the machine may cost everything then, a crash of the server still nothing.
NOT_DURABLE = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
}


class Postgres:
    """A running server and its data. A context manager: leaving it stops the server."""

    def __init__(self, cluster: Cluster, process: Process, port: int, serve_again: Callable[[], Process]) -> None:
        self.cluster = cluster
        self.process = process
        self.port = port
        self.serve_again = serve_again
        self.ending = ExitStack()

    @classmethod
    def start(
        cls,
        directory: Path,
        log: Path,
        *,
        durable: bool = True,
        places: Places | None = None,
        ports: Iterator[int] | None = None,
    ) -> Self:
        """Serve the data in `directory`, made on the first start; returns once the server answers.

        With durable=False nothing is synced to disk, and data made by this start is removed at the stop. Raises
        ProgramMissing, DirectoryInUse, PasswordLost, for root AccountMissing or ProgramUnreachable, or ProcessFailed,
        which shows the end of `log`.
        """
        installation = find(POSTGRES, places or Places.of(os.environ))
        directory = directory.absolute()
        with ExitStack() as ending:
            ending.callback(os.close, hold(directory))
            cluster = prepare_cluster(directory, log, installation, durable=durable)
            if cluster.made and not durable:
                ending.callback(remove_cluster, cluster, directory)

            def serve_on(port: int) -> tuple[Process, int]:
                return serve(cluster, log, port, durable=durable), port

            process, port = start_on_a_free_port(serve_on, ports or free_ports())
            server = cls(cluster, process, port, lambda: serve_on(port)[0])
            ending.callback(lambda: server.process.stop())
            server.ending = ending.pop_all()
            return server

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def url(self, name: str = "postgres") -> str:
        """SQLAlchemy's URL of one of this server's"""
        return server_url(self.cluster, self.port, name)

    def create_database(self, name: str, template: str | None = None) -> bool:
        """Create a database, as a copy of `template` if one is named. False if there is one of that name already."""
        return create_database(self.url(), name, template)

    def drop_database(self, name: str) -> None:
        """Drop a database if there is one, and end the connections to it."""
        drop_database(self.url(), name)

    def restart(self) -> None:
        """Serve the same data on the same port again; if it still runs it is stopped first. Raises ProcessFailed."""
        self.process.stop()
        self.process = self.serve_again()

    def stop(self) -> None:
        """End all connections and stop (PostgreSQL's fast shutdown), within the grace period or by SIGKILL."""
        self.ending.close()


def serve(cluster: Cluster, log: Path, port: int, *, durable: bool) -> Process:
    """Start the server on a port and wait until it answers. Raises ProcessFailed."""
    settings = SETTINGS | {"port": str(port)} | ({} if durable else NOT_DURABLE)
    process = Process.start(
        Command(
            name="postgres",
            arguments=(
                str(cluster.postgres),
                "-D",
                str(cluster.data),
                *(part for setting in settings.items() for part in ("-c", "=".join(setting))),
            ),
            log=log,
            cwd=cluster.data,
            environ=ENVIRON,
            stop_signal=signal.SIGINT,
            grace_s=GRACE_S,
            owner=(cluster.account.uid, cluster.account.gid) if cluster.account else None,
        )
    )
    try:
        process.wait_until(lambda: accepts_connections(cluster.data, process.pid), within_s=READY_WITHIN_S)
        with connected(server_url(cluster, port, "postgres")):
            pass
    except BaseException:
        process.stop()
        raise
    return process


def accepts_connections(data: Path, pid: int) -> bool:
    """Whether the server with this pid says so in its lock file: whoever answers on the port may be somebody else."""
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return False
    return len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() == "ready"


def server_url(cluster: Cluster, port: int, name: str) -> str:
    """SQLAlchemy's URL of a database of the cluster served on a port."""
    return named(f"{DRIVER}://{USER}:{cluster.password}@127.0.0.1:{port}", name)


def named(url: str, name: str) -> str:
    """The same server's URL for another database."""
    return urlsplit(url)._replace(path=f"/{quote(name, safe='')}").geturl()


def create_database(url: str, name: str, template: str | None = None) -> bool:
    """Create a database, as a copy of `template` if one is named. False if there is one of that name already."""
    statement = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name))
    if template:
        statement += sql.SQL(" TEMPLATE {}").format(sql.Identifier(template))
    with connected(url) as connection, connection.cursor() as cursor:
        try:
            cursor.execute(statement)
        except psycopg2.errors.DuplicateDatabase:
            return False
    return True


def drop_database(url: str, name: str) -> None:
    """Drop a database if there is one, and end the connections to it."""
    statement = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
    with connected(url) as connection, connection.cursor() as cursor:
        cursor.execute(statement)


@contextmanager
def connected(url: str) -> Iterator[extensions.connection]:
    """A connection without a transaction around each statement. Raises psycopg2.OperationalError."""
    scheme, _, rest = url.partition("://")
    dsn = f"{scheme.partition('+')[0]}://{rest}"
    with closing(psycopg2.connect(dsn, connect_timeout=CONNECTED_WITHIN_S)) as connection:
        connection.autocommit = True
        yield connection

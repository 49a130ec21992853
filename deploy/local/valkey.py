"""A real Valkey or Redis on 127.0.0.1 serves for as long as its launcher lives and writes nothing to disk."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from deploy.local.ports import free_ports, start_on_a_free_port
from deploy.local.process import Command, Process
from deploy.local.programs import VALKEY, Places, find

READY_WITHIN_S = 20.0
ANSWERS_WITHIN_S = 1.0
GRACE_S = 5.0
DATABASES = 16


class Valkey:
    """A running server. A context manager: leaving it stops the server."""

    def __init__(self, process: Process, port: int, password: str | None, serve_again: Callable[[], Process]) -> None:
        self.process = process
        self.port = port
        self.password = password
        self.serve_again = serve_again

    @classmethod
    def start(
        cls,
        directory: Path,
        log: Path,
        *,
        password: str | None = None,
        places: Places | None = None,
        ports: Iterator[int] | None = None,
    ) -> Self:
        """Start a server with sixteen empty databases; nothing stays in `directory`.

        Returns once it answers. Raises ProgramMissing, or ProcessFailed, which shows the end of `log`.
        """
        executable = find(VALKEY, places or Places.of(os.environ)).executable
        directory.mkdir(parents=True, exist_ok=True)

        def serve_on(port: int) -> tuple[Process, int]:
            return serve(executable, directory.absolute(), log, port=port, password=password), port

        process, port = start_on_a_free_port(serve_on, ports or free_ports())
        return cls(process, port, password, lambda: serve_on(port)[0])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def url(self, database: int = 0) -> str:
        """The URL of one of the databases 0 to 15."""
        access = f":{quote(self.password, safe='')}@" if self.password else ""
        return f"redis://{access}127.0.0.1:{self.port}/{database}"

    def restart(self) -> None:
        """Start the server again on its port, empty; if it still runs it is stopped first. Raises ProcessFailed."""
        self.process.stop()
        self.process = self.serve_again()

    def stop(self) -> None:
        """Stop the server, within the grace period or by SIGKILL."""
        self.process.stop()


def serve(executable: Path, directory: Path, log: Path, *, port: int, password: str | None) -> Process:
    """Start the server on a port and wait until it answers. Raises ProcessFailed."""
    settings = {
        "bind": "127.0.0.1",
        "port": str(port),
        "databases": str(DATABASES),
        "dir": quoted(str(directory)),
        "save": quoted(""),
        "appendonly": "no",
        "daemonize": "no",
    }
    if password:
        settings["requirepass"] = quoted(password)
    # In a file, because everybody can read a command line.
    configuration = directory / f"{port}.conf"
    configuration.touch(mode=0o600)
    configuration.write_text("".join(f"{name} {value}\n" for name, value in settings.items()))
    process = Process.start(
        Command(
            name="valkey",
            arguments=(str(executable), str(configuration)),
            log=log,
            cwd=directory,
            environ={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
            grace_s=GRACE_S,
        )
    )
    try:
        process.wait_until(lambda: answers(port, password, process.pid), within_s=READY_WITHIN_S)
    except BaseException:
        process.stop()
        raise
    finally:
        configuration.unlink()
    return process


def answers(port: int, password: str | None, pid: int) -> bool:
    """Whether the server with this pid answers a PING on the port: whoever answers there may be somebody else."""
    once = Retry(NoBackoff(), 0)
    client = redis.Redis(
        host="127.0.0.1",
        port=port,
        password=password,
        retry=once,
        socket_timeout=ANSWERS_WITHIN_S,
        socket_connect_timeout=ANSWERS_WITHIN_S,
    )
    try:
        with client:
            return client.ping() is True and client.info("server")["process_id"] == pid
    except redis.RedisError:
        return False


def quoted(value: str) -> str:
    """A value as the configuration file wants it, spaces and all."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'

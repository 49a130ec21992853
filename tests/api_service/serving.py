"""The API as its users meet it: on a port of its own, in a process of its own or in a thread of the test's."""

import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from api_service.http.server.connections import Guard
from api_service.http.server.serving import Server, config_of, listening
from api_service.main import create_app
from deploy.local.ports import free_ports, start_on_a_free_port
from deploy.local.process import Command, Process, Processes
from deploy.local.system import REPOSITORY, status
from shared.configuration.settings import load_settings
from tests.api_service.comfy_v2.holding import holding
from tests.api_service.conftest import bearer
from tests.api_service.quick_api import SERVED

PATIENCE_S = 60.0


@dataclass(frozen=True)
class Served:
    """An API process, and a key for it. `address` is host:port."""

    address: str
    key: str
    processes: Processes

    @property
    def process(self) -> Process:
        return self.processes["api"]

    def restart(self) -> None:
        """Kill it, as a crash would, and start it again on the same port."""
        command = self.process.command
        self.process.kill()
        self.process.wait(PATIENCE_S)
        wait_until_it_answers(self.processes.start(command), self.address)

    def watch(self, path: str, **options: Any) -> ClientConnection:
        socket: ClientConnection = connect(f"ws://{self.address}{path}", additional_headers=bearer(self.key), **options)
        return socket

    @contextmanager
    def follow(self, path: str, **headers: str) -> Iterator["EventReader"]:
        """The server-sent events of a job."""
        with (
            httpx.Client(base_url=f"http://{self.address}", headers=bearer(self.key), timeout=PATIENCE_S) as http,
            http.stream("GET", path, headers=headers) as response,
        ):
            yield EventReader(response)


class EventReader:
    """Server-sent events, one after another."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self.lines = response.iter_lines()

    def next(self) -> dict[str, Any] | None:
        """The fields of the next event, its data parsed; None at the end. Comments are passed over."""
        fields: dict[str, Any] = {}
        for line in self.lines:
            if not line and "data" in fields:
                return {**fields, "data": json.loads(fields["data"])}
            name, _, value = line.partition(": ")
            if name:
                fields[name] = value
        return None

    def until_the_end(self) -> list[dict[str, Any]]:
        return list(iter(self.next, None))


@contextmanager
def served(environ: dict[str, str], key: str, folder: Path, program: str = "api_service") -> Iterator[Served]:
    """The API as its command starts it; or as `tests.api_service.quick_api` does, with times of tenths of a second."""
    with Processes() as processes:

        def start(port: int) -> str:
            command = Command(
                name="api",
                arguments=(sys.executable, "-m", program),
                log=folder / "api.log",
                cwd=REPOSITORY,
                environ={**environ, "API_PORT": str(port)},
            )
            api = processes.start(command)
            address = f"127.0.0.1:{port}"
            wait_until_it_answers(api, address)
            return address

        yield Served(start_on_a_free_port(start, free_ports()), key, processes)


@contextmanager
def served_here(environ: dict[str, str], key: str, guard: Guard | None = None) -> Iterator[Served]:
    """The same as `tests.api_service.quick_api` in a thread of this process, where nothing is asked of the process.

    It is there in a tenth of the time.
    """
    settings = load_settings({**environ, "API_PORT": "0"})
    config = config_of(
        settings,
        lambda: holding(create_app(settings, SERVED)),
        ping_interval_s=SERVED.ping_interval_s,
        guard=guard or Guard(),
    )
    server = Server(config)
    with listening(config) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="api")
        listener.listen()  # who comes before it has started waits for it
        thread.start()
        try:
            yield Served(f"127.0.0.1:{listener.getsockname()[1]}", key, Processes())
        finally:
            server.should_exit = True
            thread.join(PATIENCE_S)
            assert not thread.is_alive()


def wait_until_it_answers(api: Process, address: str) -> None:
    api.wait_until(lambda: status(f"http://{address}/health/live") == "ok", within_s=PATIENCE_S)


def received(socket: ClientConnection) -> dict[str, Any]:
    return json.loads(socket.recv(timeout=PATIENCE_S))  # type: ignore[no-any-return]


def closing(socket: ClientConnection) -> tuple[int | None, str | None]:
    """How it is closed, whatever is told before that."""
    with pytest.raises(ConnectionClosed):
        while True:
            socket.recv(timeout=PATIENCE_S)
    return socket.close_code, socket.close_reason

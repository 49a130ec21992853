"""A port is free only until somebody takes it, so a server that comes too late is started again on another one."""

import errno
import json
import re
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TypeVar

import psutil

from deploy.local.process import CannotStart, ProcessFailed

Server = TypeVar("Server")

# What a server says whose port is taken, or whose folder still belongs to an earlier one that is just stopping.
TAKEN = re.compile(r'address (already )?in use|still in use|lock file "[^"]*" already exists', re.IGNORECASE)
TRY_FOR_S = 15.0
PAUSE_S = 0.1
LOOPBACK = "127.0.0.1"


class PortTaken(CannotStart):
    """A port that was asked for is not to be had. Says which variable to change, and to what."""

    def __init__(self, variable: str, host: str, port: int, reason: str) -> None:
        self.instead = next(free for free in chain([port + 10], free_ports()) if is_free(free, host))
        super().__init__(f"Port {port} of {host} {reason}. Choose another: {variable}={self.instead} make up")


class NoSuchAddress(CannotStart):
    """This machine has no such address to listen on."""


def free_ports() -> Iterator[int]:
    """Ports of 127.0.0.1 that nobody listened on when they were given."""
    while True:
        with socket.socket() as listener:
            listener.bind((LOOPBACK, 0))
            port: int = listener.getsockname()[1]
        yield port


def must_be_free(port: int, host: str, variable: str) -> None:
    """Raise PortTaken or NoSuchAddress if the port, which a variable asks for, cannot be listened on."""
    try:
        listen(port, host)
    except OSError as error:
        match error.errno:
            case errno.EADDRINUSE:
                raise PortTaken(variable, host, port, "is taken by another program") from None
            case errno.EACCES:
                raise PortTaken(variable, host, port, "is not for everybody to listen on") from None
            case _:
                raise NoSuchAddress(f"API_HOST: {host} cannot be listened on: {error.strerror}") from None


def is_free(port: int, host: str = LOOPBACK) -> bool:
    try:
        listen(port, host)
    except OSError:
        return False
    return True


def listen(port: int, host: str) -> None:
    """Listen for a moment, as a server would. Raises OSError."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as listener:
        # As servers do: a port is not taken by connections of an earlier one that are still being closed.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(1)


def listens(pid: int, port: int) -> bool:
    """Whether this very process listens on the port: whoever answers there may be somebody else."""
    try:
        connections = psutil.Process(pid).net_connections("tcp")
    except psutil.Error:
        return False
    return any(one.status == psutil.CONN_LISTEN and one.laddr.port == port for one in connections)


@dataclass(frozen=True)
class KeptPorts:
    """The ports that servers had in the last run, in a file: they get them again, so that their addresses stay."""

    file: Path

    def of(self, name: str) -> Iterator[int]:
        """The port that this server had, for as long as nobody else has it, and then others."""
        kept = self.known().get(name)
        for another in free_ports():
            yield kept if kept and is_free(kept) else another

    def keep(self, name: str, port: int) -> None:
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self.file.write_text(json.dumps({**self.known(), name: port}))

    def known(self) -> dict[str, int]:
        try:
            found = json.loads(self.file.read_text())
        except (FileNotFoundError, ValueError):
            return {}
        if not isinstance(found, dict):
            return {}
        return {name: port for name, port in found.items() if isinstance(port, int) and 0 < port < 65536}


def start_on_a_free_port(start: Callable[[int], Server], ports: Iterator[int]) -> Server:
    """What `start(port)` returns. While the server says that its port or folder is taken, tries the next port.

    Raises the last ProcessFailed if `ports` or the time run out, and any other one at once.
    """
    deadline = time.monotonic() + TRY_FOR_S
    failed: ProcessFailed | None = None
    for port in ports:
        try:
            return start(port)
        except ProcessFailed as failure:
            failed = failure
            if not TAKEN.search(failure.tail) or time.monotonic() > deadline:
                raise
            time.sleep(PAUSE_S)
    raise failed or ValueError("no port was given")

"""A port is free only until somebody takes it, so a server that comes too late is started again on another one."""

import re
import socket
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from deploy.local.process import ProcessFailed

Server = TypeVar("Server")

# What a server says whose port is taken, or whose folder still belongs to an earlier one that is just stopping.
TAKEN = re.compile(r"address (already )?in use|still in use|lock file .* already exists", re.IGNORECASE)
TRY_FOR_S = 15.0
PAUSE_S = 0.1


def free_ports() -> Iterator[int]:
    """Ports of 127.0.0.1 that nobody listened on when they were given."""
    while True:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            port: int = listener.getsockname()[1]
        yield port


def start_on_a_free_port(start: Callable[[int], Server], ports: Iterator[int]) -> Server:
    """What `start(port)` returns. While the server says that its port or folder is taken, tries the next port.

    Raises the last ProcessFailed if `ports` or the time run out, and any other one at once.
    """
    deadline = time.monotonic() + TRY_FOR_S
    while True:
        try:
            return start(next(ports))
        except ProcessFailed as failure:
            if not TAKEN.search(failure.tail) or time.monotonic() > deadline:
                raise
            time.sleep(PAUSE_S)

"""A real Valkey with two replicas, and three sentinels that make one of them the primary when that is gone.

The servers have what `docs/many-machines.md` says that servers with sentinels are to have.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import redis

from deploy.local.ports import free_ports, start_on_a_free_port
from deploy.local.process import Command, Process, Processes
from deploy.local.programs import VALKEY, Places, find

NAME = "main"
WITHIN_S = 30

SERVER = """
bind 127.0.0.1
port {port}
dir "{folder}"
save ""
repl-diskless-sync-delay 0
requirepass {password}
masterauth {password}
{more}
"""
SENTINEL = """
bind 127.0.0.1
port {port}
dir "{folder}"
sentinel monitor {NAME} 127.0.0.1 {primary} 2
sentinel auth-pass {NAME} {password}
sentinel down-after-milliseconds {NAME} 700
sentinel failover-timeout {NAME} 3000
"""
PASSWORD = "of-servers"
PAGE = Path(__file__).parents[1] / "docs" / "many-machines.md"


@dataclass(frozen=True)
class Watched:
    """The servers by their ports, and what leads to whichever is the primary."""

    url: str
    servers: dict[int, Process]

    @property
    def primary(self) -> int:
        """The port of the one that is the primary just now; 0 while there is none."""
        return next((port for port, process in self.servers.items() if process.running and role(port) == "master"), 0)


@contextmanager
def watched_valkey(folder: Path) -> Iterator[Watched]:
    """For as long as the block lasts; ready to fail over."""
    with Processes() as processes:
        started = partial(valkey_with, processes, folder)
        first, primary = started("primary", SERVER, more=advised())
        followers = [
            started(name, SERVER, more=f"{advised()}\nreplicaof 127.0.0.1 {first}") for name in ("replica", "another")
        ]
        sentinels = [started(f"sentinel-{n}", SENTINEL, "--sentinel", primary=first) for n in range(3)]
        ports = [port for port, _ in sentinels]
        sentinels[0][1].wait_until(lambda: all(map(knows_all, ports)), within_s=WITHIN_S)
        addresses = ",".join(f"127.0.0.1:{port}" for port in ports)
        yield Watched(f"redis+sentinel://:{PASSWORD}@{addresses}/{NAME}/3", {first: primary, **dict(followers)})


def valkey_with(
    processes: Processes, folder: Path, name: str, configuration: str, *more: str, **values: object
) -> tuple[int, Process]:
    """A server on a port of its own, once it answers."""
    executable, home = find(VALKEY, Places.of(os.environ)).executable, folder / name
    home.mkdir(exist_ok=True)

    def start(port: int) -> tuple[int, Process]:
        file = home / "conf"
        file.write_text(configuration.format(port=port, folder=home, NAME=NAME, password=PASSWORD, **values))
        arguments = (str(executable), str(file), *more)
        process = processes.start(Command(name=name, arguments=arguments, log=home / "log"))
        process.wait_until(lambda: role(port) is not None, within_s=WITHIN_S)
        return port, process

    return start_on_a_free_port(start, free_ports())


def advised() -> str:
    """The lines for a server that the page names."""
    lines = re.findall(r"`(min-replicas-[a-z-]+ \d+)`", PAGE.read_text())
    assert len(lines) == 2
    return "\n".join(lines)


def role(port: int) -> str | None:
    """What a server says it is; None while it does not answer."""
    with suppress(redis.RedisError), asked(port) as client:
        return str(client.info().get("role", "sentinel"))
    with suppress(redis.RedisError), asked(port, password=None) as client:
        return "sentinel" if client.ping() else None
    return None


def knows_all(port: int) -> bool:
    """Whether a sentinel knows the other two, and both replicas can take over."""
    with asked(port, password=None) as client:
        known = client.sentinel_master(NAME)
        replicas = client.sentinel_slaves(NAME)
    return known["num-other-sentinels"] == 2 and [one["master-link-status"] for one in replicas] == ["ok", "ok"]


def asked(port: int, password: str | None = PASSWORD) -> redis.Redis:
    return redis.Redis(port=port, password=password, socket_timeout=5)

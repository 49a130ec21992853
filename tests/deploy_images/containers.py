"""Containers of the images, run as they are to be run: nothing written but /data and /tmp, and no rights at all."""

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from shared.version import VERSION

PROGRAM = os.environ.get("TEST_IMAGES", "")  # podman or docker; set by `make images-test`, which builds first
# Those of `docs/deployment.md`. The servers of the tests listen on this machine alone.
SAFE = ("--read-only", "--tmpfs", "/tmp", "--cap-drop", "all", "--security-opt", "no-new-privileges")
AT_MOST_S = 90
GRACE_S = 30  # more than any service takes; after it podman kills, and the status says so


def image(service: str) -> str:
    return f"localhost/genonaut-generation-{service}:{VERSION}"


def called(*arguments: str) -> str:
    """What podman or docker printed. Raises CalledProcessError if it failed."""
    done = subprocess.run([PROGRAM, *arguments], check=True, capture_output=True, timeout=AT_MOST_S)
    return done.stdout.decode()


def ran(service: str, variables: Mapping[str, str], *command: str) -> str:
    """What a container printed that ran to its end."""
    return called("run", "--rm", *options(variables), image(service), *command)


def options(variables: Mapping[str, str]) -> list[str]:
    named = [part for name, value in variables.items() for part in ("--env", f"{name}={value}")]
    return [*SAFE, "--network", "host", *named]


class Container:
    """A service in a container."""

    def __init__(self, number: str) -> None:
        self.number = number

    @property
    def state(self) -> dict[str, Any]:
        (found,) = json.loads(called("inspect", "--type", "container", self.number))
        state: dict[str, Any] = found["State"]
        return state

    @property
    def log(self) -> str:
        done = subprocess.run(
            [PROGRAM, "logs", self.number], check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        return done.stdout.decode()

    def is_alive(self, service: str) -> bool:
        """What the health check of its image says."""
        command = [PROGRAM, "exec", self.number, "python", "alive.py", service]
        return subprocess.run(command, check=False, capture_output=True, timeout=AT_MOST_S).returncode == 0

    def stop(self) -> int:
        """Send SIGTERM, and return the status that it ended with; 137 if it had to be killed."""
        called("stop", "--time", str(GRACE_S), self.number)
        return int(self.state["ExitCode"])


@contextmanager
def running(service: str, variables: Mapping[str, str], data: Path) -> Iterator[Container]:
    """A service that runs in the block, with this folder for its outputs."""
    started = called("run", "--detach", *options(variables), "--volume", f"{data}:/data/outputs", image(service))
    container = Container(started.strip())
    try:
        yield container
    finally:
        called("rm", "--force", "--volumes", container.number)

"""A launcher that is to end with its parent does, however that ended."""

import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.local.ports import free_ports
from tests.deploy_local.watching import PATIENCE_S, gone, until

pytestmark = pytest.mark.system

PARENT = """
import os, subprocess, sys
command = [sys.executable, "-m", "deploy.local", "up", "--end-with-parent", "--directory", sys.argv[1]]
# Port 8000 may be taken on this machine.
child = subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, "API_PORT": sys.argv[2]})
for line in child.stdout:
    if b"PostgreSQL" in line:
        print(child.pid, flush=True)
child.wait()
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_it_ends_when_its_parent_has(
    launch: Callable[..., "subprocess.Popen[str]"], folder: Path, number: signal.Signals
) -> None:
    parent = launch(PARENT, str(folder / "data"), str(next(free_ports())))
    assert parent.stdout
    child = int(parent.stdout.readline())
    assert not gone(child)
    parent.send_signal(number)
    parent.wait(PATIENCE_S)
    until(lambda: gone(child))

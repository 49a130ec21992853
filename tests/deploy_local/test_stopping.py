"""A launcher that is to end with its parent does, however that ended."""

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.local.ports import free_ports
from tests.deploy_local.watching import PATIENCE_S, gone, until

pytestmark = pytest.mark.system

ROOT = Path(__file__).parents[2]

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


CLEARING = """
import signal, time, weakref
from deploy.local.__main__ import Stop, heed

class Thing: pass

heed(Stop())
thing = Thing()
watched = weakref.ref(thing, lambda _: signal.raise_signal(signal.SIGTERM))
try:
    del thing
    time.sleep(60)
finally:
    print("cleaned up", flush=True)
"""


def test_a_signal_that_comes_while_python_clears_something_away_is_heeded_too() -> None:
    command = [sys.executable, "-c", CLEARING]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=PATIENCE_S)
    assert (done.returncode, done.stdout, done.stderr) == (143, "cleaned up\n", "")


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

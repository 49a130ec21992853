"""What was told to end with its parent does, however that ended."""

import signal
import subprocess
from collections.abc import Callable

import pytest

from tests.deploy_local.watching import PATIENCE_S, gone, until

CHILD = """
import sys, time
from deploy.local.parent import end_with_parent
end_with_parent()
print("watching", flush=True)
time.sleep(120)
"""
PARENT = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", sys.argv[1]], stdout=subprocess.PIPE)
child.stdout.readline()
print(child.pid, flush=True)
child.wait()
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_it_ends_when_its_parent_has(launch: Callable[..., "subprocess.Popen[str]"], number: signal.Signals) -> None:
    parent = launch(PARENT, CHILD)
    assert parent.stdout
    child = int(parent.stdout.readline())
    assert not gone(child)
    parent.send_signal(number)
    parent.wait(PATIENCE_S)
    until(lambda: gone(child))

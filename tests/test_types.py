"""The types are right. A landing looks, and `make check`: anew, it takes one processor most of a minute."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OF_THE_CALLER = {"MAKEFLAGS", "MFLAGS", "MAKELEVEL"}  # what this was started with is not for another make


@pytest.mark.landing
@pytest.mark.system
@pytest.mark.timeout(600)
def test_the_types_are_right() -> None:
    environ = {name: value for name, value in os.environ.items() if name not in OF_THE_CALLER}
    # It does not set up what the tests run in.
    command = ["make", "-o", ".venv/ready", "types"]
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
